// weft-bench: the shim between google-benchmark and the harness, which is C. One process runs one sample of one cell.
// google-benchmark owns the calling thread and counts iterations (= units); the harness owns all other threads and the
// clock (manual time). The loop is crossed once a sample.
#include "bench/bench.h"

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace
{

using nlohmann::ordered_json;

enum exit_code { EXIT_DONE = 0, EXIT_WORK_FAILED = 1, EXIT_UNSERVABLE = 3, EXIT_USAGE = 64 };

int usage()
{
    std::fputs("usage: weft-bench list\n"
               "       weft-bench check CELL\n"
               "       weft-bench run CELL --min-time-ms N --out FILE [--seed N]\n"
               "CELL: WORKLOAD/chan:NAME/sched:NAME/PARAMETER:N/workers:N or limit/NAME/PARAMETER:N; see list\n",
               stderr);
    return EXIT_USAGE;
}

// --- list -----------------------------------------------------------------------------------------------

ordered_json json_of(const bench_variant &variant)
{
    ordered_json flags = ordered_json::object();
    for (size_t i = 0; i < variant.flag_count; i++) {
        const bench_flag &flag = variant.flags[i];
        flags[flag.name] = flag.kind == BENCH_BOOL     ? ordered_json(flag.number != 0)
                           : flag.kind == BENCH_NUMBER ? ordered_json(flag.number)
                                                       : ordered_json(flag.text);
    }
    return {{"name", variant.name}, {"summary", variant.summary}, {"control", variant.control}, {"flags", flags}};
}

ordered_json json_of(const bench_param *param)
{
    ordered_json params = ordered_json::array();
    if (param != nullptr) {
        std::vector<uint64_t> defaults(param->defaults, param->defaults + param->default_count);
        if (defaults.empty()) { // as many as there are processors
            defaults.push_back(std::max(2U, std::thread::hardware_concurrency()));
        }
        params.push_back({{"name", param->name}, {"default", defaults}, {"min", param->min}, {"max", param->max}});
    }
    return params;
}

// What -bench of `go test` takes: a pattern for each level of the name, which holds no character that is special in
// one.
std::string go_regex(const std::string &name)
{
    std::string regex = "^Benchmark";
    for (const char c : name) {
        regex += c == '/' ? "$/^" : std::string(1, c);
    }
    return regex + "$";
}

ordered_json json_of(const bench_workload &workload)
{
    ordered_json uses = ordered_json::array();
    if (workload.uses_chan) {
        uses.push_back("chan");
    }
    uses.push_back("sched");
    ordered_json row = {{"name", workload.name},
                        {"question", workload.question},
                        {"unit", workload.unit},
                        {"uses", uses},
                        {"params", json_of(workload.param)}};
    if (workload.suite != nullptr) {
        row["suite"] = workload.suite;
        row["group"] = workload.group;
        row["go_name"] = workload.go_name;
        row["go_package"] = workload.go_package;
        row["go_bench"] = go_regex(workload.go_name);
        if (workload.batch_min_ns != 0) {
            row["batch_min_ms"] = workload.batch_min_ns / 1000000;
        }
        if (workload.go_metric != nullptr) {
            row["go_metric"] = workload.go_metric;
        }
    }
    return row;
}

int list()
{
    bench_variant variant;
    ordered_json channels = ordered_json::array();
    ordered_json schedulers = ordered_json::array();
    ordered_json workloads = ordered_json::array();
    ordered_json limits = ordered_json::array();
    for (size_t i = 0; bench_channel_at(i, &variant); i++) {
        channels.push_back(json_of(variant));
    }
    for (size_t i = 0; bench_sched_at(i, &variant); i++) {
        schedulers.push_back(json_of(variant));
    }
    for (size_t i = 0; bench_workload_at(i) != nullptr; i++) {
        workloads.push_back(json_of(*bench_workload_at(i)));
    }
    for (size_t i = 0; bench_limit_at(i) != nullptr; i++) {
        const struct bench_limit &limit = *bench_limit_at(i);
        limits.push_back(
            {{"name", limit.name}, {"summary", limit.summary}, {"unit", limit.unit}, {"params", json_of(limit.param)}});
    }
    ordered_json build = {{"compiler", bench_build.compiler},
                          {"flags", bench_build.flags},
                          {"build_type", bench_build.type},
                          {"commit", bench_build.commit},
                          {"version", bench_build.version},
                          {"allocator", bench_allocator()},
                          {"benchmark_version", bench_build.benchmark_version}};
    ordered_json all = {{"schema", 1},
                        {"build", build},
                        {"defaults", {{"channel", channels[0]["name"]}, {"scheduler", schedulers[0]["name"]}}},
                        {"channels", channels},
                        {"schedulers", schedulers},
                        {"workloads", workloads},
                        {"limits", limits}};
    std::cout << all.dump(1) << std::endl;
    return std::cout.good() ? EXIT_DONE : EXIT_WORK_FAILED;
}

// --- run ------------------------------------------------------------------------------------------------

struct options {
    std::string name;
    std::string out;
    int64_t min_time_ns = 20000000;
    uint64_t seed = 0;
};

// google-benchmark's JSON, in our units. To google-benchmark a sample is one iteration, as its length is found while it
// is taken; here its iterations become units, and its processor time that of the timed part.
class sample_reporter : public benchmark::JSONReporter
{
  public:
    sample_reporter(std::string name, const bench_batch &sample) : name_(std::move(name)), sample_(sample)
    {
    }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        std::vector<Run> ours = runs;
        for (Run &run : ours) {
            run.run_name = {};
            run.run_name.function_name = name_;
            if (!run.error_occurred) {
                run.iterations = static_cast<benchmark::IterationCount>(sample_.units);
                run.cpu_accumulated_time = static_cast<double>(sample_.cpu_ns) * 1e-9;
            }
        }
        benchmark::JSONReporter::ReportRuns(ours);
    }

  private:
    std::string name_;
    const bench_batch &sample_;
};

void set_counter(benchmark::State &state, const char *name, int64_t value, double units)
{
    if (value >= 0) {
        state.counters[name] = static_cast<double>(value) / units;
    }
}

void set_counters(benchmark::State &state, const bench_batch &batch)
{
    const double units = static_cast<double>(batch.units);
    state.counters["messages"] = units;
    set_counter(state, "cpu_ns_per_unit", batch.cpu_ns, units);
    set_counter(state, "ctx_voluntary", batch.ctx_voluntary, 1);
    set_counter(state, "ctx_involuntary", batch.ctx_involuntary, 1);
    set_counter(state, "rss_kib", batch.rss_kib, 1);
    set_counter(state, "parks", batch.parks, units);
    set_counter(state, "wakes", batch.wakes, units);
    set_counter(state, "steals", batch.steals, units);
    set_counter(state, "switches", batch.switches, units);
    set_counter(state, "work_ns", batch.work_ns, units);
    set_counter(state, "alloc_bytes_per_channel", batch.alloc_bytes_per_channel, 1);
    set_counter(state, "alloc_bytes_per_task", batch.alloc_bytes_per_task, 1);
    set_counter(state, "rss_bytes_per_task", batch.rss_bytes_per_task, 1);
}

void take_sample(benchmark::State &state, const bench_cell &cell, int64_t min_time_ns, bench_batch *sample)
{
    while (state.KeepRunningBatch(1)) {
        const bool verified = bench_sample(&cell, min_time_ns, sample);
        state.counters["verified"] = verified ? 1 : 0;
        if (!verified) {
            state.SkipWithError(bench_failure());
            return;
        }
        const int64_t reported = sample->instead_ns >= 0 ? sample->instead_ns : sample->wall_ns;
        state.SetIterationTime(static_cast<double>(reported) * 1e-9);
    }
    set_counters(state, *sample);
}

std::string json_sample(const options &options, const bench_cell &cell)
{
    bench_batch sample = {};
    const std::string name = options.name + "/real_time";
    benchmark::RegisterBenchmark(
        name.c_str(), [&](benchmark::State &state) { take_sample(state, cell, options.min_time_ns, &sample); })
        ->UseManualTime()
        ->Unit(benchmark::kNanosecond)
        ->Iterations(1);
    std::ostringstream json;
    sample_reporter reporter(name, sample);
    reporter.SetOutputStream(&json);
    reporter.SetErrorStream(&std::cerr);
    benchmark::AddCustomContext("weft_commit", bench_build.commit);
    benchmark::AddCustomContext("weft_compiler", bench_build.compiler);
    benchmark::AddCustomContext("weft_flags", bench_build.flags);
    benchmark::RunSpecifiedBenchmarks(&reporter, nullptr, ".");
    benchmark::Shutdown();
    return json.str();
}

bool write_sample(const options &options, const bench_cell &cell)
{
    const std::string scratch = options.out + ".tmp";
    std::ofstream file(scratch);
    if (file.good()) {
        file << json_sample(options, cell);
        file.close();
    }
    if (!file.good() || std::rename(scratch.c_str(), options.out.c_str()) != 0) {
        std::fprintf(stderr, "weft-bench: %s: %s\n", options.out.c_str(), std::strerror(errno));
        std::remove(scratch.c_str());
        return false;
    }
    return true;
}

bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
    char *end = nullptr;
    errno = 0;
    *number = std::strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number <= max;
}

bool parse_options(int count, char **arguments, options *options)
{
    for (int i = 0; i + 1 < count; i += 2) {
        const std::string key = arguments[i];
        uint64_t number = 0;
        if (key == "--out") {
            options->out = arguments[i + 1];
        } else if (key == "--min-time-ms" && parse_number(arguments[i + 1], 3600000, &number) && number > 0) {
            options->min_time_ns = static_cast<int64_t>(number) * 1000000;
        } else if (key == "--seed" && parse_number(arguments[i + 1], UINT64_MAX, &number)) {
            options->seed = number;
        } else {
            return false;
        }
    }
    return count % 2 == 0;
}

// check (no options) and run.
int with_cell(int count, char **arguments, bool run)
{
    options options;
    bench_cell cell;
    char why[256] = "";
    options.name = arguments[0];
    if (!parse_options(count - 1, arguments + 1, &options) || options.out.empty() == run) {
        return usage();
    }
    if (!bench_cell_parse(options.name.c_str(), &cell, why, sizeof why)) {
        std::fprintf(stderr, "weft-bench: %s: %s\n", options.name.c_str(), why);
        return EXIT_USAGE;
    }
    if (const char *reason = bench_cell_refuse(&cell)) {
        std::fprintf(stderr, "%s\n", reason);
        return EXIT_UNSERVABLE;
    }
    cell.seed = options.seed;
    return !run || write_sample(options, cell) ? EXIT_DONE : EXIT_WORK_FAILED;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "list" && argc == 2) {
        return list();
    }
    if (verb == "check" && argc == 3) {
        return with_cell(argc - 2, argv + 2, false);
    }
    if (verb == "run" && argc >= 3) {
        return with_cell(argc - 2, argv + 2, true);
    }
    return usage();
}
