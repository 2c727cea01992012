// The parts of the program weft-model: see main.cc.
#pragma once

#include "model.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

struct plan {
    std::vector<search> searches;  // one after the other, until one fails
    uint64_t program = UINT64_MAX; // of a client that has several, only this one
};

// "dfs 2", "pct", ...
std::string search_name(const search &search);
// Loads the client, or throws std::runtime_error.
void load_client(const std::string &name);
std::vector<std::string> client_names();
// Runs the searches, prints a line for each unless `quiet`, and stops at the first failure.
bool run_plan(const std::string &client, const plan &plan, bool quiet, nlohmann::json &report);

// Weakens each order of each client, one at a time; `only`: those of FILE:LINE. False: a mutant survives without an
// explanation.
bool run_mutants(const std::vector<std::string> &clients, const plan &plan, const std::string &only,
                 nlohmann::json &report);

// Compares the checker's outcomes of the classic tests with those that the axioms allow. False: they differ.
bool run_classic(bool verbose, nlohmann::json &report);
