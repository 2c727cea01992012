// weft-scale: measures one figure once and prints it as JSON. See scale.h.
#include "bench/scale/scale.h"

#include <getopt.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

namespace
{

using nlohmann::ordered_json;

enum exit_code { EXIT_DONE = 0, EXIT_WORK_FAILED = 1, EXIT_USAGE = 64 };

struct options {
    uint64_t workers = 1;
    uint64_t size = 0; // 0: the figure's own
    uint64_t loop_ms = 50;
    uint64_t seed = 1;
};

int usage()
{
    std::fputs("usage: weft-scale list\n"
               "       weft-scale FIGURE [--workers N] [--size N] [--loop-ms N] [--seed N]\n",
               stderr);
    return EXIT_USAGE;
}

int list()
{
    ordered_json figures = ordered_json::array();
    for (size_t i = 0; scale_figures[i] != nullptr; i++) {
        const scale_figure &figure = *scale_figures[i];
        figures.push_back({{"name", figure.name},
                           {"question", figure.question},
                           {"size_of", figure.size_of},
                           {"size", figure.size},
                           {"size_min", figure.size_min},
                           {"size_max", figure.size_max}});
    }
    std::cout << ordered_json({{"schema", 1}, {"allocator", scale_allocator()}, {"figures", figures}}).dump(1)
              << std::endl;
    return std::cout.good() ? EXIT_DONE : EXIT_WORK_FAILED;
}

bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end = nullptr;
    errno = 0;
    *number = std::strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *number >= least && *number <= most;
}

bool parse_options(int argc, char **argv, options *options)
{
    static const option known[] = {{"workers", required_argument, nullptr, 'w'},
                                   {"size", required_argument, nullptr, 's'},
                                   {"loop-ms", required_argument, nullptr, 'l'},
                                   {"seed", required_argument, nullptr, 'r'},
                                   {nullptr, 0, nullptr, 0}};
    bool good = true;
    for (int key; good && (key = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        good = (key == 'w' && parse_number(optarg, 1, 1024, &options->workers)) ||
               (key == 's' && parse_number(optarg, 1, UINT64_MAX, &options->size)) ||
               (key == 'l' && parse_number(optarg, 1, 3600000, &options->loop_ms)) ||
               (key == 'r' && parse_number(optarg, 0, UINT64_MAX, &options->seed));
    }
    return good && optind == argc;
}

const scale_figure *find_figure(const std::string &name)
{
    for (size_t i = 0; scale_figures[i] != nullptr; i++) {
        if (name == scale_figures[i]->name) {
            return scale_figures[i];
        }
    }
    return nullptr;
}

// Each distinct duration with its count, in ascending order: nothing is lost.
ordered_json json_of(const scale_histogram &histogram)
{
    ordered_json bins = ordered_json::object();
    for (size_t i = 0; i < histogram.count;) {
        size_t same = i;
        while (same < histogram.count && histogram.sorted_ns[same] == histogram.sorted_ns[i]) {
            same++;
        }
        bins[std::to_string(histogram.sorted_ns[i])] = same - i;
        i = same;
    }
    return bins;
}

int measure(const scale_figure &figure, const options &options)
{
    static scale_sample sample;
    sample.workers = static_cast<unsigned>(options.workers);
    sample.size = options.size == 0 ? figure.size : options.size;
    sample.loop_ns = static_cast<int64_t>(options.loop_ms) * 1000000;
    sample.seed = options.seed;
    if (sample.size < figure.size_min || sample.size > figure.size_max) {
        std::cerr << "weft-scale: " << figure.name << ": --size is from " << figure.size_min << " to "
                  << figure.size_max << std::endl;
        return EXIT_USAGE;
    }
    figure.measure(&sample);
    ordered_json values = ordered_json::object();
    for (size_t i = 0; i < sample.value_count; i++) {
        values[sample.values[i].name] = sample.values[i].value;
    }
    ordered_json histograms = ordered_json::object();
    for (size_t i = 0; i < sample.histogram_count; i++) {
        histograms[sample.histograms[i].name] = json_of(sample.histograms[i]);
        std::free(sample.histograms[i].sorted_ns);
    }
    const ordered_json all = {{"schema", 1},         {"figure", figure.name},      {"workers", sample.workers},
                              {"size", sample.size}, {"seed", sample.seed},        {"allocator", scale_allocator()},
                              {"values", values},    {"histograms_ns", histograms}};
    std::cout << all.dump() << std::endl;
    return std::cout.good() ? EXIT_DONE : EXIT_WORK_FAILED;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string verb = argc > 1 ? argv[1] : "";
    if (verb == "list" && argc == 2) {
        return list();
    }
    const scale_figure *figure = find_figure(verb);
    options options;
    if (figure == nullptr || !parse_options(argc - 1, argv + 1, &options)) {
        return usage();
    }
    return measure(*figure, options);
}
