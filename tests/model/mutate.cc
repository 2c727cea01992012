// The mutation run: each memory order of core/ and variants/ that a client comes to is weakened, each fence dropped,
// one at a time; a search must then fail. What survives must say why: `/* survives: reason */` on its line or on the
// one above, or, for files that are not to be touched, a line of tests/model/survivors.txt.
#include "program.h"

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

namespace
{

// A site in the source, the same in each client that includes it: the file, the line, what it does, and its number
// among its like on the line.
using place = std::tuple<std::string, unsigned, unsigned, unsigned, unsigned>;

struct mutation {
    unsigned order, failure;
    std::string text; // "acquire -> relaxed"
};

struct mutant {
    bool killed = false;
    std::string killer, message;
    std::set<std::string> survived; // clients
};

using mutants = std::map<std::pair<place, std::string>, mutant>;

const char *order_name(unsigned order)
{
    static const char *const names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
    return names[order];
}

// The next weaker orders of an operation.
std::vector<unsigned> weaker(unsigned op, unsigned order)
{
    bool load = op == MODEL_LOAD, store = op == MODEL_STORE;
    switch (order) {
    case __ATOMIC_SEQ_CST:
        return {static_cast<unsigned>(load    ? __ATOMIC_ACQUIRE
                                      : store ? __ATOMIC_RELEASE
                                              : __ATOMIC_ACQ_REL),
                __ATOMIC_RELAXED};
    case __ATOMIC_ACQ_REL: return {__ATOMIC_ACQUIRE, __ATOMIC_RELEASE};
    case __ATOMIC_ACQUIRE:
    case __ATOMIC_RELEASE: return {__ATOMIC_RELAXED};
    default: return {};
    }
}

std::vector<mutation> mutations_of(const model_site &site)
{
    std::vector<mutation> result;
    if (site.op == MODEL_FENCE) {
        result.push_back({__ATOMIC_RELAXED, __ATOMIC_RELAXED, std::string(order_name(site.order)) + " fence -> none"});
        return result;
    }
    for (unsigned order : weaker(site.op, site.order)) {
        result.push_back({order, site.failure, std::string(order_name(site.order)) + " -> " + order_name(order)});
    }
    if (site.op == MODEL_CAS || site.op == MODEL_CAS_WEAK) {
        for (unsigned order : weaker(MODEL_LOAD, site.failure)) {
            result.push_back(
                {site.order, order, std::string("failure ") + order_name(site.failure) + " -> " + order_name(order)});
        }
    }
    return result;
}

bool is_ours(const std::string &file)
{
    return file.rfind("core/", 0) == 0 || file.rfind("variants/", 0) == 0;
}

// All sites of the loaded client, with their places.
std::vector<std::pair<unsigned, place>> sites()
{
    std::vector<std::pair<unsigned, place>> result;
    std::map<std::tuple<std::string, unsigned, unsigned, unsigned>, unsigned> like;
    for (unsigned i = 0; i < client_sites(); i++) {
        const model_site *site = client_site(i);
        unsigned number = like[{site->file, site->line, site->op, site->order}]++;
        result.push_back({i, {site->file, site->line, site->op, site->order, number}});
    }
    return result;
}

std::vector<std::string> lines_of(const std::string &path)
{
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string trimmed(const std::string &text)
{
    size_t from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
    return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

// Does the line have this code in it, or, if that ends in `$`, at its end?
bool has_code(const std::string &line, const std::string &code)
{
    if (code.empty() || code.back() != '$') {
        return line.find(code) != std::string::npos;
    }
    size_t length = code.size() - 1;
    return line.size() >= length && line.compare(line.size() - length, length, code, 0, length) == 0;
}

// What a line says behind `survives:`; empty: nothing.
std::string explained_beside(const std::string &line)
{
    size_t at = line.find("survives:");
    if (at == std::string::npos) {
        return "";
    }
    size_t end = line.find("*/", at);
    return trimmed(line.substr(at + 9, end == std::string::npos ? end : end - at - 9));
}

struct explanations {
    struct entry {
        std::string file, code, reason;
        bool used = false;
    };
    std::vector<entry> entries; // of survivors.txt: "FILE | CODE | REASON", CODE being part of the line

    explanations()
    {
        for (const std::string &line : lines_of(WEFT_SOURCE "/tests/model/survivors.txt")) {
            size_t first = line.find(" | "), second = line.find(" | ", first + 3);
            if (!line.empty() && line[0] != '#' && second != std::string::npos) {
                entries.push_back(
                    {line.substr(0, first), line.substr(first + 3, second - first - 3), line.substr(second + 3)});
            }
        }
    }

    std::string find(const place &where)
    {
        std::vector<std::string> lines = lines_of(std::string(WEFT_SOURCE "/") + std::get<0>(where));
        unsigned line = std::get<1>(where);
        if (line == 0 || line > lines.size()) {
            return "";
        }
        std::string reason = explained_beside(lines[line - 1]);
        if (reason.empty() && line > 1 && trimmed(lines[line - 2]).rfind("/*", 0) == 0) {
            reason = explained_beside(lines[line - 2]);
        }
        for (entry &given : entries) {
            if (reason.empty() && given.file == std::get<0>(where) && has_code(lines[line - 1], given.code)) {
                reason = given.reason;
                given.used = true;
            }
        }
        return reason;
    }
};

constexpr unsigned thorough = 20; // times the executions, for what is not explained

plan longer(plan plan, unsigned times)
{
    for (search &search : plan.searches) {
        search.executions *= times;
    }
    return plan;
}

std::string name_of(const place &where)
{
    return std::get<0>(where) + ":" + std::to_string(std::get<1>(where));
}

struct campaign {
    mutants all;
    std::set<place> covered, known;
    explanations reasons;
    std::string only;
};

// Those of one site that nobody has killed yet.
void mutate_site(campaign &campaign, const std::string &client, const plan &plan, unsigned index, const place &where)
{
    for (const mutation &mutation : mutations_of(*client_site(index))) {
        mutant &mutant = campaign.all[{where, mutation.text}];
        if (mutant.killed) {
            continue;
        }
        nlohmann::json entry;
        client_mutate(static_cast<int>(index), mutation.order, mutation.failure);
        if (run_plan(client, plan, true, entry)) {
            mutant.survived.insert(client);
        } else {
            mutant = {true, client, entry.value("message", ""), {}};
        }
        client_mutate(-1, 0, 0);
    }
}

// Mutates what this client comes to.
void mutate_client(campaign &campaign, const std::string &client, const plan &plan)
{
    nlohmann::json ignored;
    load_client(client);
    std::vector<unsigned char> executed(client_sites());
    if (!run_plan(client, plan, true, ignored)) {
        throw std::runtime_error(client + " fails without any mutation: " + ignored.value("message", ""));
    }
    for (unsigned i = 0; i < client_sites(); i++) {
        executed[i] = client_site_executed(i);
    }
    for (const auto &[index, where] : sites()) {
        if (!is_ours(std::get<0>(where)) || (!campaign.only.empty() && campaign.only != name_of(where))) {
            continue;
        }
        campaign.known.insert(where);
        if (executed[index]) {
            campaign.covered.insert(where);
            mutate_site(campaign, client, plan, index, where);
        }
    }
}

// What survives and is not explained, once more, for longer.
void mutate_again(campaign &campaign, const std::string &client, const plan &plan)
{
    std::set<place> wanted;
    for (const auto &[key, mutant] : campaign.all) {
        if (!mutant.killed && mutant.survived.count(client) != 0 && campaign.reasons.find(key.first).empty()) {
            wanted.insert(key.first);
        }
    }
    if (wanted.empty()) {
        return;
    }
    load_client(client);
    for (const auto &[index, where] : sites()) {
        if (wanted.count(where) != 0) {
            mutate_site(campaign, client, plan, index, where);
        }
    }
}

std::string joined(const std::set<std::string> &names)
{
    std::string text;
    for (const std::string &name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

} // namespace

bool run_mutants(const std::vector<std::string> &clients, const plan &plan, const std::string &only,
                 nlohmann::json &report)
{
    campaign campaign;
    campaign.only = only;
    for (const std::string &client : clients) {
        mutate_client(campaign, client, plan);
    }
    for (const std::string &client : clients) {
        mutate_again(campaign, client, longer(plan, thorough));
    }
    struct score {
        unsigned killed = 0, all = 0, explained = 0;
    };
    std::map<std::string, score> scores;
    bool good = true;
    report["mutants"] = nlohmann::json::array();
    for (const auto &[key, mutant] : campaign.all) {
        const auto &[where, text] = key;
        const std::string &file = std::get<0>(where);
        std::string reason = mutant.killed ? "" : campaign.reasons.find(where);
        score &score = scores[file];
        score.all++;
        score.killed += mutant.killed ? 1 : 0;
        score.explained += reason.empty() ? 0 : 1;
        report["mutants"].push_back({{"file", file},
                                     {"line", std::get<1>(where)},
                                     {"mutation", text},
                                     {"killed", mutant.killed},
                                     {"by", mutant.killer},
                                     {"message", mutant.message},
                                     {"survives", reason}});
        if (mutant.killed && !only.empty()) {
            std::printf("killed    %s  %s  by %s\n          %s\n", name_of(where).c_str(), text.c_str(),
                        mutant.killer.c_str(), mutant.message.c_str());
        }
        if (!mutant.killed) {
            good = good && !reason.empty();
            std::printf("survives  %s:%u  %s  (%s)\n          %s\n", file.c_str(), std::get<1>(where), text.c_str(),
                        joined(mutant.survived).c_str(), reason.empty() ? "NOT EXPLAINED" : reason.c_str());
        }
    }
    for (const place &where : campaign.known) {
        if (campaign.covered.count(where) == 0 &&
            !mutations_of({"", 0, static_cast<uint8_t>(std::get<2>(where)), static_cast<uint8_t>(std::get<3>(where)),
                           __ATOMIC_RELAXED})
                 .empty()) {
            std::printf("not run   %s:%u\n", std::get<0>(where).c_str(), std::get<1>(where));
            report["not_run"].push_back({{"file", std::get<0>(where)}, {"line", std::get<1>(where)}});
        }
    }
    for (const auto &[file, score] : scores) {
        std::printf("%-32s %3u of %3u mutants killed, %u explained, %u not\n", file.c_str(), score.killed, score.all,
                    score.explained, score.all - score.killed - score.explained);
        report["scores"].push_back(
            {{"file", file}, {"killed", score.killed}, {"all", score.all}, {"explained", score.explained}});
    }
    for (const auto &entry : campaign.reasons.entries) {
        if (!entry.used && only.empty()) {
            std::printf("not needed by these clients: %s | %s\n", entry.file.c_str(), entry.code.c_str());
        }
    }
    return good;
}
