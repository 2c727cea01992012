// The classic litmus tests: does the checker show the outcomes that C++20 allows, and no others?
//
// Each test runs under many choices of orders and fences, twice: depth first with sleep sets, and without them and
// without a bound on preemptions. The outcomes of both must be those of axioms.cc, which lists them by enumeration. For
// the plain choices a second source is given by hand: the verdicts of the literature on the outcome that the test is
// known for. Names and shapes: J. Alglave, L. Maranget, M. Tautschnig, "Herding cats" (TOPLAS 2014). Verdicts: M.
// Batty, S. Owens, S. Sarkar, P. Sewell, T. Weber, "Mathematizing C++ concurrency" (POPL 2011), and for seq_cst and
// fences O. Lahav, V. Vafeiadis, J. Kang, C.-K. Hur, D. Dreyer, "Repairing sequential consistency in C/C++11" (PLDI
// 2017), whose rules C++20 has taken over (P0668R5).
#include "axioms.h"
#include "program.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <stdexcept>

namespace
{

enum : uint8_t { X, Y, Z };
constexpr uint8_t rlx = __ATOMIC_RELAXED, acq = __ATOMIC_ACQUIRE, rel = __ATOMIC_RELEASE, ar = __ATOMIC_ACQ_REL,
                  sc = __ATOMIC_SEQ_CST;

struct shape {
    const char *name;
    program threads;        // the orders are filled in
    outcome_values weak;    // what the test is known for: the reads, then the locations at the end; any: don't care
    const char *literature; // of that, under each of `plain`: A allowed, F forbidden
    bool all_orders;        // or the plain ones only
};

constexpr uint8_t any = 255;

event read(uint8_t location)
{
    return {kind::read, location, rlx, 0};
}

event write(uint8_t location, uint8_t value)
{
    return {kind::write, location, rlx, value};
}

event modify(uint8_t location, uint8_t value)
{
    return {kind::modify, location, rlx, value};
}

// The columns of the table: the accesses' orders (loads acquire, stores release for `ar`), and the fences between the
// accesses of a thread.
struct plain {
    const char *name;
    uint8_t accesses, fences; // fences: rlx: none
};
constexpr std::array<plain, 5> plain_choices = {
    {{"relaxed", rlx, rlx}, {"rel/acq", ar, rlx}, {"seq_cst", sc, rlx}, {"fence ar", rlx, ar}, {"fence sc", rlx, sc}}};

const std::vector<shape> &shapes()
{
    static const std::vector<shape> all = {
        {"SB", {{write(X, 1), read(Y)}, {write(Y, 1), read(X)}}, {0, 0, any, any, any, any}, "AAFAF", true},
        {"MP", {{write(X, 1), write(Y, 1)}, {read(Y), read(X)}}, {1, 0, any, any, any, any}, "AFFFF", true},
        {"LB", {{read(X), write(Y, 1)}, {read(Y), write(X, 1)}}, {1, 1, any, any, any, any}, "AFFFF", true},
        {"S", {{write(X, 2), write(Y, 1)}, {read(Y), write(X, 1)}}, {1, 2, any, any, any}, "AFFFF", true},
        {"R", {{write(X, 1), write(Y, 1)}, {write(Y, 2), read(X)}}, {0, any, 2, any, any}, "AAFAF", true},
        {"2+2W", {{write(X, 1), write(Y, 2)}, {write(Y, 1), write(X, 2)}}, {1, 1, any, any}, "AAFAF", true},
        {"CoRR", {{write(X, 1)}, {read(X), read(X)}}, {1, 0, any, any, any, any}, "FFFFF", true},
        {"CoWR", {{write(X, 1), read(X)}, {write(X, 2)}}, {2, 1, any, any, any}, "FFFFF", true},
        {"WRC",
         {{write(X, 1)}, {read(X), write(Y, 1)}, {read(Y), read(X)}},
         {1, 1, 0, any, any, any, any},
         "AFFFF",
         true},
        {"RWC",
         {{write(X, 1)}, {read(X), read(Y)}, {write(Y, 1), read(X)}},
         {1, 0, 0, any, any, any, any},
         "AAFAF",
         true},
        {"ISA2",
         {{write(X, 1), write(Y, 1)}, {read(Y), write(Z, 1)}, {read(Z), read(X)}},
         {1, 1, 0, any, any, any, any},
         "AFFFF",
         false},
        {"W+RWC",
         {{write(X, 1), write(Z, 1)}, {read(Z), read(Y)}, {write(Y, 1), read(X)}},
         {1, 0, 0, any, any, any, any},
         "AAFAF",
         false},
        {"IRIW",
         {{write(X, 1)}, {read(X), read(Y)}, {write(Y, 1)}, {read(Y), read(X)}},
         {1, 0, 1, 0, any, any, any, any},
         "AAFAF",
         false},
        {"IRRWIW",
         {{write(X, 1)}, {read(X), read(Y)}, {write(Y, 1)}, {read(Y), write(X, 2)}},
         {1, 0, 1, 1, any, any, any},
         "AAFAF",
         false},
        // a release sequence that a read-modify-write continues
        {"MP+rmw",
         {{write(X, 1), write(Y, 1)}, {modify(Y, 1)}, {read(Y), read(X)}},
         {1, 2, 0, any, any, any, any},
         "AFFFF",
         true},
        {"SB+rmw", {{modify(X, 1), read(Y)}, {modify(Y, 1), read(X)}}, {0, 0, 0, 0, any, any, any, any}, "AAFAF", true},
    };
    return all;
}

// --- running one in the checker -----------------------------------------------------------------------

struct running {
    program threads;
    model_site sites[16];
    std::array<uint8_t, 32> values; // of the reads
} running_now;

std::atomic<uint32_t> locations[locations_max]; // the checker reads and writes their memory
outcome_values seen_now;
std::set<outcome_values> *outcomes;

void *run_thread(void *arg)
{
    unsigned thread = static_cast<unsigned>(reinterpret_cast<uintptr_t>(arg)), site = 0, value = 0;
    for (unsigned t = 0; t < thread; t++) {
        for (const event &e : running_now.threads[t]) {
            site++;
            value += e.what == kind::read || e.what == kind::modify ? 1 : 0;
        }
    }
    for (const event &e : running_now.threads[thread]) {
        const model_site *where = &running_now.sites[site++];
        void *address = &locations[e.location];
        switch (e.what) {
        case kind::read: running_now.values[value++] = static_cast<uint8_t>(model_load(where, address, 4)); break;
        case kind::write: model_store(where, address, 4, e.value); break;
        case kind::modify:
            running_now.values[value++] = static_cast<uint8_t>(model_rmw(where, address, 4, e.value));
            break;
        case kind::fence: model_fence(where); break;
        }
    }
    return nullptr;
}

int run_main()
{
    unsigned ids[8], reads = 0;
    for (auto &location : locations) {
        location.store(0, std::memory_order_relaxed);
    }
    for (unsigned t = 0; t < running_now.threads.size(); t++) {
        ids[t] = thread_start(run_thread, reinterpret_cast<void *>(static_cast<uintptr_t>(t)));
    }
    for (unsigned t = 0; t < running_now.threads.size(); t++) {
        thread_join(ids[t]);
        for (const event &e : running_now.threads[t]) {
            reads += e.what == kind::read || e.what == kind::modify ? 1 : 0;
        }
    }
    seen_now.assign(running_now.values.begin(), running_now.values.begin() + reads);
    for (auto &location : locations) {
        seen_now.push_back(static_cast<uint8_t>(location.load(std::memory_order_relaxed)));
    }
    outcomes->insert(seen_now);
    return 0;
}

uint64_t observe(const program &threads, int preemptions, std::set<outcome_values> &result)
{
    static const uint8_t ops[] = {MODEL_LOAD, MODEL_STORE, MODEL_ADD, MODEL_FENCE};
    unsigned count = 0;
    running_now.threads = threads;
    for (const auto &thread : threads) {
        for (const event &e : thread) {
            running_now.sites[count] = model_site{"classic", count, ops[static_cast<int>(e.what)], e.order, e.order};
            count++;
        }
    }
    outcomes = &result;
    client_use(run_main, running_now.sites, count);
    search search{};
    search.strategy = SEARCH_DFS;
    search.preemptions = preemptions;
    struct result found {
    };
    model_search(&search, &found);
    if (found.failed || !found.complete) {
        throw std::runtime_error(std::string("a classic test fails: ") + found.message);
    }
    return found.executions;
}

// --- orders and fences --------------------------------------------------------------------------------

uint8_t order_for(kind what, uint8_t order)
{
    return order != ar || what == kind::modify ? order : what == kind::read ? acq : rel;
}

program with_fences(const program &threads, uint8_t fence)
{
    program result;
    for (const auto &thread : threads) {
        std::vector<event> events;
        for (const event &e : thread) {
            if (!events.empty() && fence != rlx) {
                events.push_back({kind::fence, X, fence, 0});
            }
            events.push_back(e);
        }
        result.push_back(events);
    }
    return result;
}

program with_orders(const program &threads, uint8_t order, uint8_t fence)
{
    program result = with_fences(threads, fence);
    for (auto &thread : result) {
        for (event &e : thread) {
            e.order = e.what == kind::fence ? e.order : order_for(e.what, order);
        }
    }
    return result;
}

// The n-th of all choices of three orders for each access.
bool with_mixed_orders(const program &threads, unsigned n, uint8_t fence, program &result)
{
    static const uint8_t orders[] = {rlx, ar, sc};
    result = with_fences(threads, fence);
    for (auto &thread : result) {
        for (event &e : thread) {
            if (e.what != kind::fence) {
                e.order = order_for(e.what, orders[n % 3]);
                n /= 3;
            }
        }
    }
    return n == 0;
}

bool fits(const outcome_values &outcome, const outcome_values &pattern)
{
    for (unsigned i = 0; i < outcome.size(); i++) {
        if (pattern[i] != any && pattern[i] != outcome[i]) {
            return false;
        }
    }
    return true;
}

bool any_fits(const std::set<outcome_values> &all, const outcome_values &pattern)
{
    for (const outcome_values &outcome : all) {
        if (fits(outcome, pattern)) {
            return true;
        }
    }
    return false;
}

struct tally {
    uint64_t programs = 0, executions = 0, differ = 0, buffering = 0, out_of_step = 0;
};

// True: both searches show just what the axioms allow.
bool compare(const program &threads, tally &tally, verdicts &verdict, std::set<outcome_values> &seen)
{
    std::set<outcome_values> plain_search;
    verdict = enumerate(threads);
    tally.programs++;
    tally.executions += observe(threads, -1, seen);
    bool small = threads.size() == 2; /* else too many without sleep sets */
    tally.executions += small ? observe(threads, 1000, plain_search) : 0;
    bool same = seen == verdict.in_step && (!small || plain_search == verdict.in_step);
    tally.differ += same ? 0 : 1;
    tally.buffering += verdict.buffering != verdict.allowed ? 1 : 0;
    tally.out_of_step += verdict.allowed != verdict.in_step ? 1 : 0;
    return same;
}

void print_outcomes(const char *title, const std::set<outcome_values> &all)
{
    std::printf("    %s:", title);
    for (const outcome_values &outcome : all) {
        std::printf(" ");
        for (uint8_t value : outcome) {
            std::printf("%u", value);
        }
    }
    std::printf("\n");
}

bool run_plain(const shape &shape, tally &tally, nlohmann::json &report)
{
    bool good = true;
    std::printf("%-8s", shape.name);
    for (unsigned i = 0; i < plain_choices.size(); i++) {
        verdicts verdict;
        std::set<outcome_values> seen;
        program threads = with_orders(shape.threads, plain_choices[i].accesses, plain_choices[i].fences);
        bool same = compare(threads, tally, verdict, seen);
        bool allowed = any_fits(verdict.buffering, shape.weak), shown = any_fits(seen, shape.weak);
        bool left_out = allowed && !shown && !any_fits(verdict.in_step, shape.weak);
        bool as_said = allowed == (shape.literature[i] == 'A');
        good = good && same && as_said;
        std::printf("  %-9s", !same || !as_said ? "DIFFERS" : left_out ? "left out" : shown ? "allowed" : "forbidden");
        if (!same || !as_said) {
            std::printf("\n");
            print_outcomes("axioms ", verdict.in_step);
            print_outcomes("checker", seen);
        }
        report["table"].push_back({{"test", shape.name},
                                   {"orders", plain_choices[i].name},
                                   {"literature", shape.literature[i] == 'A' ? "allowed" : "forbidden"},
                                   {"axioms", allowed ? "allowed" : "forbidden"},
                                   {"checker", shown ? "allowed" : "forbidden"},
                                   {"left_out", left_out}});
    }
    std::printf("\n");
    return good;
}

bool run_mixed(const shape &shape, bool verbose, tally &tally)
{
    bool good = true;
    for (uint8_t fence : {rlx, ar, sc}) {
        program threads;
        for (unsigned n = 0; with_mixed_orders(shape.threads, n, fence, threads); n++) {
            verdicts verdict;
            std::set<outcome_values> seen;
            if (!compare(threads, tally, verdict, seen)) {
                good = false;
                std::printf("%s, orders %u, fences %u: DIFFERS\n", shape.name, n, fence);
                print_outcomes("axioms ", verdict.in_step);
                print_outcomes("checker", seen);
            } else if (verbose && verdict.allowed != verdict.in_step) {
                std::printf("%s, orders %u, fences %u: C++20 allows more, by an S that contradicts happens-before\n",
                            shape.name, n, fence);
            }
        }
    }
    return good;
}

// P0668R5's example: C++20 allows 1, 3, 0 by an S that contradicts happens-before; the checker does not show it.
bool run_z6u(nlohmann::json &report)
{
    const program threads = {{{kind::write, X, sc, 1}, {kind::write, Y, rel, 1}},
                             {{kind::modify, Y, sc, 1}, {kind::read, Y, rlx, 0}},
                             {{kind::write, Y, sc, 3}, {kind::read, X, sc, 0}}};
    const outcome_values weak = {1, 3, 0, any, any, any, any};
    verdicts verdict = enumerate(threads);
    std::set<outcome_values> seen;
    observe(threads, -1, seen);
    bool allowed = any_fits(verdict.allowed, weak), shown = any_fits(seen, weak);
    std::printf("%-8s  %s by C++20, %s here: seq_cst and weaker accesses of one location\n", "Z6.U",
                allowed ? "allowed" : "forbidden", shown ? "allowed" : "left out");
    report["z6u"] = {{"axioms", allowed}, {"checker", shown}};
    return allowed && seen == verdict.in_step;
}

} // namespace

bool run_classic(bool verbose, nlohmann::json &report)
{
    tally tally;
    bool good = true;
    std::printf("%-8s", "");
    for (const plain &choice : plain_choices) {
        std::printf("  %-9s", choice.name);
    }
    std::printf("\n");
    for (const shape &shape : shapes()) {
        good = run_plain(shape, tally, report) && good;
    }
    good = run_z6u(report) && good;
    for (const shape &shape : shapes()) {
        good = (!shape.all_orders || run_mixed(shape, verbose, tally)) && good;
    }
    std::printf("%llu programs, %llu executions: the outcomes of %llu differ from the axioms'\n"
                "left out: load buffering in %llu programs, an S out of step with happens-before in %llu\n",
                static_cast<unsigned long long>(tally.programs), static_cast<unsigned long long>(tally.executions),
                static_cast<unsigned long long>(tally.differ), static_cast<unsigned long long>(tally.buffering),
                static_cast<unsigned long long>(tally.out_of_step));
    report["programs"] = tally.programs;
    report["executions"] = tally.executions;
    report["differ"] = tally.differ;
    report["with_load_buffering"] = tally.buffering;
    report["with_s_out_of_step"] = tally.out_of_step;
    return good;
}
