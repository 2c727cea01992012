// C++20's axioms of atomics for small straight-line programs: which outcomes are allowed. Written from the text of the
// standard, by enumeration, and independent of memory.c, which it is to check.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

enum class kind : uint8_t { read, write, modify, fence };

struct event {
    kind what;
    uint8_t location; // of a fence: none
    uint8_t order;    // memory_order's number
    uint8_t value;    // written; of a modify: what is added
};

using program = std::vector<std::vector<event>>; // by thread

// What each read has read, thread by thread, then the final value of each location.
using outcome_values = std::vector<uint8_t>;

struct verdicts {
    std::set<outcome_values> allowed;   // by C++20, but for load buffering: (sb | rf) has no cycle
    std::set<outcome_values> in_step;   // those with an S that does not contradict (sb | rf): what the checker explores
    std::set<outcome_values> buffering; // by C++20's text, load buffering included
};

constexpr unsigned locations_max = 4;

verdicts enumerate(const program &threads);
