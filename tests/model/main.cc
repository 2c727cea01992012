// weft-model: checks litmus clients (tests/litmus) with the model checker; see docs/verification.md.
#include "program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <getopt.h>
#include <iostream>
#include <stdexcept>

namespace
{

constexpr const char *usage =
    "usage: weft-model CLIENT... [--dfs N | --dfs full | --pct | --random] [--executions N] [--seed S] [--events N]\n"
    "                  [--depth N] [--program N] [--replay STRING] [--expect TEXT] [--mutate [--only FILE:LINE]] "
    "[--json FILE]\n"
    "                  [--verbose]\n"
    "       weft-model --list | --classic [--verbose] [--json FILE]\n"
    "\n"
    "  CLIENT       a name of --list, or `all`\n"
    "  --dfs N      depth first, at most N preemptions; full: any number, with sleep sets\n"
    "  --pct        random priorities; --depth N: with N - 1 changes (3)\n"
    "  --random     a random walk\n"
    "  Without any of them: dfs 2, then pct, then random, each with its share of the executions.\n"
    "  --executions N  at most; 0: a depth-first search goes to its end (20000)\n"
    "  --events N   early time-outs, spurious wake-ups and failures of weak compare-and-swaps in an execution (1)\n"
    "  --program N  of a client that has several, only this one; else those of the seed share the executions\n"
    "  --replay STRING  the one execution that a failure has printed, with each of its operations\n"
    "  --expect TEXT  the other way round: a search must fail with a message that has TEXT in it, and its replay with "
    "the same one\n"
    "  --mutate     weakens each memory order, one at a time: a search must fail; what survives and is not explained "
    "is\n"
    "               searched twenty times as long. --only FILE:LINE: just that line's, with what killed them\n";

struct options {
    std::vector<std::string> clients;
    std::string strategy, replay, expect, only, json;
    uint64_t executions = 20000, seed = 1, program = UINT64_MAX;
    unsigned events = 1, depth = 3;
    bool mutate = false, list = false, classic = false, verbose = false;
};

uint64_t number(const char *text)
{
    size_t end = 0;
    uint64_t value = std::stoull(text, &end);
    if (text[end] != '\0') {
        throw std::runtime_error(std::string("not a number: ") + text);
    }
    return value;
}

options parse(int argc, char **argv)
{
    enum {
        DFS = 1,
        PCT,
        RANDOM,
        EXECUTIONS,
        SEED,
        EVENTS,
        DEPTH,
        PROGRAM,
        REPLAY,
        EXPECT,
        MUTATE,
        ONLY,
        JSON,
        VERBOSE,
        LIST,
        CLASSIC,
        HELP
    };
    static const option table[] = {
        {"dfs", required_argument, nullptr, DFS},       {"pct", no_argument, nullptr, PCT},
        {"random", no_argument, nullptr, RANDOM},       {"executions", required_argument, nullptr, EXECUTIONS},
        {"seed", required_argument, nullptr, SEED},     {"events", required_argument, nullptr, EVENTS},
        {"depth", required_argument, nullptr, DEPTH},   {"program", required_argument, nullptr, PROGRAM},
        {"replay", required_argument, nullptr, REPLAY}, {"expect", required_argument, nullptr, EXPECT},
        {"mutate", no_argument, nullptr, MUTATE},       {"only", required_argument, nullptr, ONLY},
        {"json", required_argument, nullptr, JSON},     {"verbose", no_argument, nullptr, VERBOSE},
        {"list", no_argument, nullptr, LIST},           {"classic", no_argument, nullptr, CLASSIC},
        {"help", no_argument, nullptr, HELP},           {nullptr, 0, nullptr, 0}};
    options result;
    for (int key; (key = getopt_long(argc, argv, "", table, nullptr)) != -1;) {
        switch (key) {
        case DFS: result.strategy = optarg; break;
        case PCT: result.strategy = "pct"; break;
        case RANDOM: result.strategy = "random"; break;
        case EXECUTIONS: result.executions = number(optarg); break;
        case SEED: result.seed = number(optarg); break;
        case EVENTS: result.events = static_cast<unsigned>(number(optarg)); break;
        case DEPTH: result.depth = static_cast<unsigned>(number(optarg)); break;
        case PROGRAM: result.program = number(optarg); break;
        case REPLAY: result.replay = optarg; break;
        case EXPECT: result.expect = optarg; break;
        case MUTATE: result.mutate = true; break;
        case ONLY: result.only = optarg; break;
        case JSON: result.json = optarg; break;
        case VERBOSE: result.verbose = true; break;
        case LIST: result.list = true; break;
        case CLASSIC: result.classic = true; break;
        case HELP: std::cout << usage; std::exit(0);
        default: std::cerr << usage; std::exit(2);
        }
    }
    result.clients.assign(argv + optind, argv + argc);
    if (result.clients == std::vector<std::string>{"all"}) {
        result.clients = client_names();
    }
    return result;
}

plan plan_of(const options &options)
{
    search base{};
    base.seed = options.seed;
    base.events = options.events;
    base.pct_depth = options.depth;
    base.executions = options.executions;
    base.verbose = options.verbose;
    plan result;
    result.program = options.program;
    if (!options.replay.empty()) {
        base.strategy = SEARCH_REPLAY;
        base.replay = options.replay.c_str();
        base.verbose = true;
        result.searches = {base};
    } else if (options.strategy == "pct" || options.strategy == "random") {
        base.strategy = options.strategy == "pct" ? SEARCH_PCT : SEARCH_RANDOM;
        base.executions = std::max<uint64_t>(base.executions, 1);
        result.searches = {base};
    } else if (!options.strategy.empty()) {
        base.strategy = SEARCH_DFS;
        base.preemptions = options.strategy == "full" ? -1 : static_cast<int>(number(options.strategy.c_str()));
        result.searches = {base};
    } else {
        search pct = base, random = base;
        base.strategy = SEARCH_DFS;
        base.preemptions = 2;
        pct.strategy = SEARCH_PCT;
        random.strategy = SEARCH_RANDOM;
        pct.executions = random.executions = std::max<uint64_t>(base.executions / 4, 1);
        result.searches = {base, pct, random};
    }
    return result;
}

// One search; of a client that has programs one for each, which share the executions: a few for each, if there are not
// enough for all.
result run_search(const search &wanted, uint64_t only)
{
    constexpr uint64_t few = 5;
    uint64_t count = std::max(client_programs(), 1u), first = (wanted.seed - 1) * count;
    if (wanted.executions != 0) {
        count = std::clamp<uint64_t>(wanted.executions / few, 1, count);
    }
    if (only != UINT64_MAX) {
        first = only;
        count = 1;
    }
    search search = wanted;
    search.executions = wanted.executions / count;
    result total{};
    total.complete = true;
    for (uint64_t i = 0; i < count && !total.failed && total.cut == 0; i++) {
        result one{};
        search.program = first + i;
        model_search(&search, &one);
        one.program = search.program;
        one.executions += total.executions;
        one.pruned += total.pruned;
        one.histories += total.histories;
        one.histories_new += total.histories_new;
        one.steps_max = std::max(one.steps_max, total.steps_max);
        one.threads = std::max(one.threads, total.threads);
        one.complete = one.complete && total.complete;
        total = one;
    }
    return total;
}

std::string histories_said(const result &result)
{
    return result.histories == 0 ? ""
                                 : ", " + std::to_string(result.histories) + " histories, " +
                                       std::to_string(result.histories_new) + " of them new";
}

// The client must fail, with this in its message, and its replay in the same way.
bool run_broken(const options &options, const std::string &client)
{
    nlohmann::json entry, again;
    load_client(client);
    if (run_plan(client, plan_of(options), true, entry)) {
        std::printf("%s: nothing was found, '%s' was expected\n", client.c_str(), options.expect.c_str());
        return false;
    }
    std::string message = entry["message"], replay = entry["replay"];
    std::printf("%s: %s\n", client.c_str(), message.c_str());
    if (replay.empty() && message.find("does not end") != std::string::npos) {
        return message.find(options.expect) != std::string::npos;
    }
    plan plan;
    search search{};
    search.strategy = SEARCH_REPLAY;
    search.replay = replay.c_str();
    plan.searches = {search};
    plan.program = entry.value("program", plan.program);
    load_client(client); // as a new process would: nothing is known of it
    bool same = !run_plan(client, plan, true, again) && again["message"] == message;
    if (!same) {
        std::printf("%s: the replay '%s' says: %s\n", client.c_str(), replay.c_str(),
                    again.value("message", "nothing").c_str());
    }
    return same && message.find(options.expect) != std::string::npos;
}

bool run(const options &options, nlohmann::json &report)
{
    if (options.list) {
        for (const std::string &name : client_names()) {
            std::cout << name << '\n';
        }
        return true;
    }
    if (options.classic) {
        return run_classic(options.verbose, report);
    }
    if (options.clients.empty()) {
        throw std::runtime_error("no client is named");
    }
    if (!options.expect.empty()) {
        bool good = true;
        for (const std::string &client : options.clients) {
            good = run_broken(options, client) && good;
        }
        return good;
    }
    if (options.mutate) {
        return run_mutants(options.clients, plan_of(options), options.only, report);
    }
    bool good = true;
    report["clients"] = nlohmann::json::array();
    for (const std::string &client : options.clients) {
        nlohmann::json entry;
        load_client(client);
        good = run_plan(client, plan_of(options), false, entry) && good;
        report["clients"].push_back(entry);
    }
    return good;
}

} // namespace

std::string search_name(const search &search)
{
    switch (search.strategy) {
    case SEARCH_DFS: return search.preemptions < 0 ? "dfs full" : "dfs " + std::to_string(search.preemptions);
    case SEARCH_PCT: return "pct";
    case SEARCH_RANDOM: return "random";
    default: return "replay";
    }
}

std::vector<std::string> client_names()
{
    std::vector<std::string> names;
    std::ifstream list(WEFT_MODEL_CLIENTS "/list.txt");
    for (std::string name; std::getline(list, name);) {
        names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

void load_client(const std::string &name)
{
    const char *error = nullptr;
    std::string path = name.find('/') == std::string::npos ? WEFT_MODEL_CLIENTS "/" + name + ".so" : name;
    if (!client_load(path.c_str(), &error)) {
        throw std::runtime_error("the client " + name + ": " + error);
    }
}

bool run_plan(const std::string &client, const plan &plan, bool quiet, nlohmann::json &report)
{
    report = {{"client", client}, {"searches", nlohmann::json::array()}};
    bool good = true;
    for (const search &search : plan.searches) {
        result result = run_search(search, plan.program);
        bool cut = result.cut != 0 && !client_may_be_cut();
        bool failed = result.failed || cut;
        report["searches"].push_back({{"search", search_name(search)},
                                      {"executions", result.executions},
                                      {"pruned", result.pruned},
                                      {"cut", result.cut},
                                      {"operations_max", result.steps_max},
                                      {"threads", result.threads},
                                      {"complete", result.complete},
                                      {"histories", result.histories_new},
                                      {"failed", failed}});
        if (!quiet) {
            std::printf("%-24s %-8s %9llu executions%s, %llu threads, up to %llu operations%s%s%s\n", client.c_str(),
                        search_name(search).c_str(), static_cast<unsigned long long>(result.executions),
                        result.complete ? " (all)" : "", static_cast<unsigned long long>(result.threads),
                        static_cast<unsigned long long>(result.steps_max), histories_said(result).c_str(),
                        result.cut != 0 ? (", " + std::to_string(result.cut) + " cut off").c_str() : "",
                        failed ? ": FAILED" : "");
        }
        if (failed) {
            good = false;
            std::string message = result.failed ? result.message : "an execution does not end";
            report["message"] = message;
            report["replay"] = result.replay;
            std::string which;
            if (client_programs() != 0) {
                report["program"] = result.program;
                which = " --program " + std::to_string(result.program);
            }
            if (!quiet) {
                std::printf("  %s\n", message.c_str());
                histories_print_refuted();
                std::printf("  weft-model %s%s --replay '%s'\n", client.c_str(), which.c_str(), result.replay);
            }
            break;
        }
    }
    std::fflush(stdout);
    return good;
}

int main(int argc, char **argv)
{
    try {
        std::setvbuf(stdout, nullptr, _IOLBF, 0);
        options options = parse(argc, argv);
        nlohmann::json report;
        bool good = run(options, report);
        if (!options.json.empty()) {
            std::ofstream file(options.json);
            file << report.dump(2) << '\n';
            if (!file) {
                throw std::runtime_error("can't write " + options.json);
            }
        }
        return good ? 0 : 1;
    } catch (const std::exception &error) {
        std::cerr << "weft-model: " << error.what() << '\n';
        return 2;
    }
}
