/* first_touch: a limit: what does the kernel take for a page that was never touched? No runtime that gives each of its
 * tasks a page of its own can start one for less.
 *
 * Over `size` pages of fresh private memory (no huge pages), each way in a mapping of its own, five times in turns;
 * each value is the median, in ns a page. touch_ns: one byte written to each page, in ascending order. populate_N_ns:
 * MADV_POPULATE_WRITE over N pages at a time. sparse_ns: one page touched in each 2 MiB, so that each needs a page of
 * page tables too (over size / 16 pages). again_ns: the pages that were touched, touched again after MADV_DONTNEED: the
 * page tables are there.
 * Checked: every byte reads back. */
#include "bench/scale/tools.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { TURNS = 5, SPARSE_STEP = 512, SPARSE_DIVISOR = 16 };

static const size_t batches[] = {1, 16, 64, 512};
enum { BATCH_KINDS = sizeof batches / sizeof batches[0] };

static size_t page_bytes;

static char *touch_map(size_t pages)
{
    char *memory =
        mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    scale_check(memory != MAP_FAILED, "mmap of %zu pages: %s", pages, strerror(errno));
    madvise(memory, pages * page_bytes, MADV_NOHUGEPAGE);
    return memory;
}

/* ns a page, one in `step` pages. */
static double touch_pages(char *memory, size_t pages, size_t step)
{
    weft_ns begin = scale_now();
    for (size_t i = 0; i < pages; i += step) {
        memory[i * page_bytes] = (char)(i / step + 1);
    }
    double each = (double)(scale_now() - begin) / (double)(pages / step);
    for (size_t i = 0; i < pages; i += step) {
        scale_check(memory[i * page_bytes] == (char)(i / step + 1), "page %zu lost what was written", i);
    }
    return each;
}

/* ns a page; negative: the kernel does not know it. */
static double touch_populate(size_t pages, size_t batch)
{
    char *memory = touch_map(pages);
    double each = -1;
    weft_ns begin = scale_now();
    size_t done = 0;
    while (done < pages && madvise(memory + done * page_bytes, batch * page_bytes, MADV_POPULATE_WRITE) == 0) {
        done += batch;
    }
    if (done >= pages) {
        each = (double)(scale_now() - begin) / (double)pages;
    }
    munmap(memory, pages * page_bytes);
    return each;
}

struct touched {
    double touch[TURNS], again[TURNS], sparse[TURNS], populate[BATCH_KINDS][TURNS];
};

static void touch_turn(struct touched *touched, size_t pages, int turn)
{
    char *memory = touch_map(pages);
    touched->touch[turn] = touch_pages(memory, pages, 1);
    madvise(memory, pages * page_bytes, MADV_DONTNEED);
    touched->again[turn] = touch_pages(memory, pages, 1);
    munmap(memory, pages * page_bytes);
    for (int kind = 0; kind < BATCH_KINDS; kind++) {
        touched->populate[kind][turn] = touch_populate(pages, batches[kind]);
    }
    size_t sparse = pages / SPARSE_DIVISOR * SPARSE_STEP;
    memory = touch_map(sparse);
    touched->sparse[turn] = touch_pages(memory, sparse, SPARSE_STEP);
    munmap(memory, sparse * page_bytes);
}

static void touch_measure(struct scale_sample *sample)
{
    static struct touched touched;
    size_t pages = sample->size / SPARSE_STEP * SPARSE_STEP;
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    for (int turn = 0; turn < TURNS; turn++) {
        touch_turn(&touched, pages, turn);
    }
    scale_value(sample, scale_median(touched.touch, TURNS), "touch_ns");
    scale_value(sample, scale_median(touched.again, TURNS), "again_ns");
    scale_value(sample, scale_median(touched.sparse, TURNS), "sparse_ns");
    for (int kind = 0; kind < BATCH_KINDS; kind++) {
        double each = scale_median(touched.populate[kind], TURNS);
        if (each >= 0) {
            scale_value(sample, each, "populate_%zu_ns", batches[kind]);
        }
    }
}

const struct scale_figure scale_first_touch = {
    .name = "first_touch",
    .question = "the kernel's price for a page that was never touched?",
    .size_of = "pages",
    .size = 32768,
    .size_min = 512,
    .size_max = 1 << 22,
    .measure = touch_measure,
};
