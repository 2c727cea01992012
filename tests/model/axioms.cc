#include "axioms.h"

#include <algorithm>
#include <atomic>
#include <numeric>

namespace
{

constexpr unsigned events_max = 32;

// A relation on events, as bit rows.
struct relation {
    uint32_t row[events_max] = {};

    void add(unsigned a, unsigned b)
    {
        row[a] |= 1u << b;
    }
    bool has(unsigned a, unsigned b) const
    {
        return (row[a] >> b & 1) != 0;
    }
    relation operator|(const relation &other) const
    {
        relation result;
        for (unsigned i = 0; i < events_max; i++) {
            result.row[i] = row[i] | other.row[i];
        }
        return result;
    }
    // First this, then the other.
    relation then(const relation &other) const
    {
        relation result;
        for (unsigned i = 0; i < events_max; i++) {
            for (unsigned j = 0; j < events_max; j++) {
                result.row[i] |= has(i, j) ? other.row[j] : 0;
            }
        }
        return result;
    }
    relation closed() const
    {
        relation result = *this;
        for (unsigned k = 0; k < events_max; k++) {
            for (unsigned i = 0; i < events_max; i++) {
                result.row[i] |= result.has(i, k) ? result.row[k] : 0;
            }
        }
        return result;
    }
    bool cyclic() const
    {
        relation all = closed();
        for (unsigned i = 0; i < events_max; i++) {
            if (all.has(i, i)) {
                return true;
            }
        }
        return false;
    }
};

struct node {
    event what;
    unsigned thread;
};

bool reads(const node &n)
{
    return n.what.what == kind::read || n.what.what == kind::modify;
}

bool writes(const node &n)
{
    return n.what.what == kind::write || n.what.what == kind::modify;
}

bool acquires(const node &n)
{
    int order = n.what.order;
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

bool releases(const node &n)
{
    int order = n.what.order;
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

bool is_sc(const node &n)
{
    return n.what.order == __ATOMIC_SEQ_CST;
}

bool is_fence(const node &n)
{
    return n.what.what == kind::fence;
}

// One candidate: who reads from whom, and the modification orders.
class candidate
{
  public:
    explicit candidate(const program &threads)
    {
        for (unsigned l = 0; l < locations_max; l++) {
            nodes.push_back({{kind::write, static_cast<uint8_t>(l), __ATOMIC_RELAXED, 0}, ~0u}); // the initial values
        }
        for (unsigned t = 0; t < threads.size(); t++) {
            for (const event &e : threads[t]) {
                nodes.push_back({e, t});
            }
        }
        for (unsigned a = 0; a < nodes.size(); a++) {
            for (unsigned b = 0; b < nodes.size(); b++) {
                if ((a < locations_max && b >= locations_max) ||
                    (a >= locations_max && a < b && nodes[a].thread == nodes[b].thread)) {
                    sb.add(a, b);
                }
            }
        }
        source.assign(nodes.size(), 0);
    }

    void enumerate_all(verdicts &result)
    {
        choose_orders(0, result);
    }

  private:
    std::vector<node> nodes;
    relation sb;
    std::vector<unsigned> order[locations_max]; // modification orders, the initial value first
    std::vector<unsigned> source;               // of each read

    void choose_orders(unsigned location, verdicts &result)
    {
        if (location == locations_max) {
            choose_sources(0, result);
            return;
        }
        std::vector<unsigned> stores;
        for (unsigned i = locations_max; i < nodes.size(); i++) {
            if (writes(nodes[i]) && nodes[i].what.location == location) {
                stores.push_back(i);
            }
        }
        do {
            order[location] = {location};
            order[location].insert(order[location].end(), stores.begin(), stores.end());
            choose_orders(location + 1, result);
        } while (std::next_permutation(stores.begin(), stores.end()));
    }

    void choose_sources(unsigned from, verdicts &result)
    {
        while (from < nodes.size() && !reads(nodes[from])) {
            from++;
        }
        if (from == nodes.size()) {
            judge(result);
            return;
        }
        for (unsigned store : order[nodes[from].what.location]) {
            if (store != from) {
                source[from] = store;
                choose_sources(from + 1, result);
            }
        }
    }

    // A modify stands right behind what it reads.
    bool atomic_enough() const
    {
        for (const auto &stores : order) {
            for (unsigned i = 1; i < stores.size(); i++) {
                if (nodes[stores[i]].what.what == kind::modify && source[stores[i]] != stores[i - 1]) {
                    return false;
                }
            }
        }
        return true;
    }

    relation synchronizes(const relation &rf) const
    {
        relation sequence, sw; // sequence: release sequences, a store and the modifies that continue it
        for (unsigned i = 0; i < nodes.size(); i++) {
            sequence.add(i, i);
        }
        relation step;
        for (unsigned i = 0; i < nodes.size(); i++) {
            if (nodes[i].what.what == kind::modify) {
                step.add(source[i], i);
            }
        }
        sequence = sequence | step.closed();
        relation read_of = sequence.then(rf);
        auto heads = [&](unsigned a, unsigned store) { // does a release what the store begins to publish?
            return writes(nodes[store]) && ((a == store && releases(nodes[a])) ||
                                            (is_fence(nodes[a]) && releases(nodes[a]) && sb.has(a, store)));
        };
        auto tails = [&](unsigned load, unsigned b) {
            return (load == b && acquires(nodes[b])) || (is_fence(nodes[b]) && acquires(nodes[b]) && sb.has(load, b));
        };
        for (unsigned store = locations_max; store < nodes.size(); store++) {
            for (unsigned load = 0; load < nodes.size(); load++) {
                if (!read_of.has(store, load)) {
                    continue;
                }
                for (unsigned a = locations_max; a < nodes.size(); a++) {
                    for (unsigned b = locations_max; b < nodes.size(); b++) {
                        if (heads(a, store) && tails(load, b) && a != b) {
                            sw.add(a, b);
                        }
                    }
                }
            }
        }
        return sw;
    }

    // [atomics.order] p3 and p4: what S must contain.
    relation total_order(const relation &hb, const relation &sw, const relation &cob) const
    {
        relation sc_sw;
        for (unsigned a = 0; a < nodes.size(); a++) {
            for (unsigned b = 0; b < nodes.size(); b++) {
                if (sw.has(a, b) && is_sc(nodes[a]) && is_sc(nodes[b])) {
                    sc_sw.add(a, b);
                }
            }
        }
        relation strongly = (sb | sc_sw | sb.then(hb).then(sb)).closed();
        relation fence_before, before_fence, s; // X hb A; B hb Y
        for (unsigned a = 0; a < nodes.size(); a++) {
            if (is_sc(nodes[a])) {
                fence_before.add(a, a);
                before_fence.add(a, a);
            }
            for (unsigned b = 0; b < nodes.size(); b++) {
                if (hb.has(a, b) && is_fence(nodes[a]) && is_sc(nodes[a])) {
                    fence_before.add(a, b);
                }
                if (hb.has(a, b) && is_fence(nodes[b]) && is_sc(nodes[b])) {
                    before_fence.add(a, b);
                }
            }
        }
        relation forced = fence_before.then(cob).then(before_fence);
        for (unsigned a = 0; a < nodes.size(); a++) {
            for (unsigned b = 0; b < nodes.size(); b++) {
                if (is_sc(nodes[a]) && is_sc(nodes[b]) && (strongly.has(a, b) || forced.has(a, b))) {
                    s.add(a, b);
                }
            }
        }
        return s;
    }

    outcome_values values() const
    {
        std::vector<uint8_t> written(nodes.size(), 0);
        // a chain of modifies is as long as there are events
        for (unsigned round = 0; round < nodes.size(); round++) {
            for (unsigned i = locations_max; i < nodes.size(); i++) {
                written[i] = static_cast<uint8_t>(nodes[i].what.value +
                                                  (nodes[i].what.what == kind::modify ? written[source[i]] : 0));
            }
        }
        outcome_values result;
        for (unsigned i = 0; i < nodes.size(); i++) {
            if (reads(nodes[i])) {
                result.push_back(written[source[i]]);
            }
        }
        for (const auto &stores : order) {
            result.push_back(written[stores.back()]);
        }
        return result;
    }

    void judge(verdicts &result) const
    {
        if (!atomic_enough()) {
            return;
        }
        relation rf, mo, fr;
        for (unsigned i = 0; i < nodes.size(); i++) {
            if (reads(nodes[i])) {
                rf.add(source[i], i);
            }
        }
        for (const auto &stores : order) {
            for (unsigned i = 0; i < stores.size(); i++) {
                for (unsigned j = i + 1; j < stores.size(); j++) {
                    mo.add(stores[i], stores[j]);
                    for (unsigned load = 0; load < nodes.size(); load++) {
                        if (rf.has(stores[i], load) && load != stores[j]) {
                            fr.add(load, stores[j]);
                        }
                    }
                }
            }
        }
        relation sw = synchronizes(rf), hb = (sb | sw).closed(), cob = (mo | rf | fr).closed();
        relation wrong = hb | hb.then(cob);
        for (unsigned i = 0; i < nodes.size(); i++) {
            if (wrong.has(i, i)) {
                return;
            }
        }
        relation s = total_order(hb, sw, cob);
        if (s.cyclic()) {
            return;
        }
        outcome_values outcome = values();
        result.buffering.insert(outcome);
        if ((sb | rf).cyclic()) {
            return;
        }
        result.allowed.insert(outcome);
        if (!(s | sb | rf).cyclic()) {
            result.in_step.insert(outcome);
        }
    }
};

} // namespace

verdicts enumerate(const program &threads)
{
    verdicts result;
    candidate(threads).enumerate_all(result);
    return result;
}
