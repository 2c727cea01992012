/* A client: a module that is loaded, whose writable memory is copied once and put back before each execution. */
#include "model.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENTS_MAX = 8 };

static struct segment {
    char *start;
    size_t size;
    char *copy;
} segments[SEGMENTS_MAX];
static unsigned segment_count;

static void *handle;
static char module_path[4096];
static uintptr_t module_base, module_end;
static const struct model_site *sites;
static unsigned site_count;
static bool executed[SITES_MAX];
static int (*main_fn)(void);
static bool may_be_cut;
static unsigned programs;

static int mutated = -1;
static unsigned mutated_order, mutated_failure;

/* The part of a segment that is not made read-only after relocation. */
static void add_segment(uintptr_t base, const ElfW(Phdr) * header, uintptr_t relro_end)
{
    uintptr_t start = base + header->p_vaddr, end = start + header->p_memsz;
    start = relro_end > start && relro_end < end ? relro_end : start;
    if (segment_count < SEGMENTS_MAX && end > start) {
        struct segment *segment = &segments[segment_count++];
        *segment = (struct segment){(char *)start, end - start, malloc(end - start)};
        memcpy(segment->copy, segment->start, segment->size);
    }
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *address)
{
    (void)size;
    uintptr_t relro_end = 0, low = UINTPTR_MAX, high = 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD) {
            low = start < low ? start : low;
            high = start + header->p_memsz > high ? start + header->p_memsz : high;
        } else if (header->p_type == PT_GNU_RELRO) {
            relro_end = (start + header->p_memsz + 4095) & ~(uintptr_t)4095;
        }
    }
    if ((uintptr_t)address < low || (uintptr_t)address >= high) {
        return 0;
    }
    module_base = info->dlpi_addr;
    module_end = high;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_W) != 0) {
            add_segment(info->dlpi_addr, &info->dlpi_phdr[i], relro_end);
        }
    }
    return 1;
}

static void unload(void)
{
    for (unsigned i = 0; i < segment_count; i++) {
        free(segments[i].copy);
    }
    segment_count = 0;
    if (handle != NULL) {
        dlclose(handle);
        handle = NULL;
    }
}

bool client_load(const char *path, const char **error)
{
    unload();
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        *error = dlerror();
        return false;
    }
    const struct model_site *const *bounds = dlsym(handle, "model_sites");
    *(void **)(void *)&main_fn = dlsym(handle, "main");
    if (main_fn == NULL || bounds == NULL || bounds[1] - bounds[0] > SITES_MAX) {
        *error = "no client: it has no main(), no sites, or too many";
        return false;
    }
    sites = bounds[0];
    site_count = (unsigned)(bounds[1] - bounds[0]);
    may_be_cut = dlsym(handle, "litmus_expects_cut") != NULL;
    const unsigned *count = dlsym(handle, "litmus_programs");
    programs = count == NULL ? 0 : *count;
    histories_forget();
    snprintf(module_path, sizeof module_path, "%s", path);
    memset(executed, 0, sizeof executed);
    mutated = -1;
    sites_forget();
    dl_iterate_phdr(look_at_object, (void *)(uintptr_t)bounds);
    return true;
}

void client_use(int (*fn)(void), const struct model_site *list, unsigned count)
{
    unload();
    main_fn = fn;
    sites = list;
    site_count = count;
    may_be_cut = false;
    programs = 0;
    histories_forget();
    module_base = module_end = 0;
    memset(executed, 0, sizeof executed);
    mutated = -1;
    sites_forget();
}

void client_restore(void)
{
    for (unsigned i = 0; i < segment_count; i++) {
        memcpy(segments[i].start, segments[i].copy, segments[i].size);
    }
}

void *client_main(void *unused)
{
    (void)unused;
    int status = main_fn();
    if (status != 0) {
        fail("main() returned %d", status);
    }
    return NULL;
}

bool client_may_be_cut(void)
{
    return may_be_cut;
}

unsigned client_programs(void)
{
    return programs;
}

/* --- sites -------------------------------------------------------------------------------------------- */

unsigned client_sites(void)
{
    return site_count;
}

const struct model_site *client_site(unsigned index)
{
    return &sites[index];
}

bool client_site_executed(unsigned index)
{
    return executed[index];
}

void client_mutate(int index, unsigned order, unsigned failure)
{
    mutated = index;
    mutated_order = order;
    mutated_failure = failure;
}

unsigned site_index(const struct model_site *site)
{
    return (unsigned)(site - sites);
}

unsigned site_order(const struct model_site *site)
{
    unsigned index = site_index(site);
    executed[index] = true;
    return (int)index == mutated ? mutated_order : site->order;
}

unsigned site_failure(const struct model_site *site)
{
    return (int)site_index(site) == mutated ? mutated_failure : site->failure;
}

/* --- names -------------------------------------------------------------------------------------------- */

/* For a site what it says; for code what binutils knows. */
const char *code_name(const void *where, char *text, size_t size)
{
    uintptr_t address = (uintptr_t)where;
    const struct model_site *site = where;
    if (site >= sites && site < sites + site_count) {
        snprintf(text, size, "%s:%u", site->file, site->line);
        return text;
    }
    char command[4400], line[512] = "";
    snprintf(text, size, "address %p", where);
    if (address < module_base || address >= module_end) {
        return text;
    }
    snprintf(command, sizeof command, "addr2line -f -e '%s' %#lx 2>/dev/null", module_path,
             (unsigned long)(address - module_base - 1));
    FILE *pipe = popen(command, "r");
    if (pipe == NULL) {
        return text;
    }
    char function[256] = "";
    if (fgets(function, sizeof function, pipe) != NULL && fgets(line, sizeof line, pipe) != NULL) {
        function[strcspn(function, "\n")] = '\0';
        line[strcspn(line, "\n ")] = '\0';
        const char *core = strstr(line, "core/");
        core = core != NULL ? core : strstr(line, "variants/");
        core = core != NULL ? core : strstr(line, "tests/");
        snprintf(text, size, "%s (%s)", core != NULL ? core : line, function);
    }
    pclose(pipe);
    return text;
}
