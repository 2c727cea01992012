// What weft-inject found, as JSON. In C++ for the library's sake, like bench/main.cc.
#include "tests/inject/report.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <string>

using nlohmann::ordered_json;

static void add(ordered_json &variant, const report_row &row, const std::string &replay)
{
    if (variant.is_null()) {
        variant = {{"runs", 0}, {"faults_injected", 0}, {"hangs", 0}, {"failures", ordered_json::array()}};
    }
    variant["runs"] = variant["runs"].get<uint64_t>() + 1;
    variant["faults_injected"] = variant["faults_injected"].get<uint64_t>() + row.faults;
    variant["hangs"] = variant["hangs"].get<uint64_t>() + (row.hung ? 1 : 0);
    if (row.failed) {
        variant["failures"].push_back({{"job", row.job}, {"hang", row.hung}, {"said", row.said}, {"replay", replay}});
    }
}

bool report_write(const char *file, uint64_t seed, const report_row *rows, size_t count)
{
    ordered_json channels = ordered_json::object();
    ordered_json schedulers = ordered_json::object();
    for (size_t i = 0; i < count; i++) {
        const std::string replay =
            std::string("weft-inject --replay ") + rows[i].job + " --seed " + std::to_string(seed);
        add(channels[rows[i].chan], rows[i], replay);
        add(schedulers[rows[i].sched], rows[i], replay);
    }
    const ordered_json all = {{"schema", 1}, {"seed", seed}, {"channels", channels}, {"schedulers", schedulers}};
    std::ofstream out(file);
    out << all.dump(1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
    out.close();
    return out.good();
}
