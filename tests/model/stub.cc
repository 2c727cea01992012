#include "program.h"
bool run_mutants(const std::vector<std::string> &, const plan &, nlohmann::json &){return true;}
bool run_classic(bool, nlohmann::json &){return true;}
