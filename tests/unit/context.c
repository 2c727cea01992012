/* Goal: a switch keeps what the ABI says a call keeps, and the floating-point control of each context.
 * Method: two contexts on stacks of the test's own switch a million times while each keeps more live values than there
 * are registers; rounding modes differ between them. Then the same through the scheduler, with migration. */
#include "unit.h"

#include <fenv.h>

enum { STACK = 64 * 1024 };
static _Alignas(16) char stack_memory[STACK];
static struct context first, second;
static unsigned long switches;
static uintptr_t frame_address;

/* More values than registers, each a function of the step and the side, all alive over the switch. */
#define CANARY(n) ((step + (n)) * 0x9E3779B97F4A7C15u ^ side)
#define CHECK_CANARIES(call)                                                                                           \
    do {                                                                                                               \
        uint64_t a = CANARY(1), b = CANARY(2), c = CANARY(3), d = CANARY(4), e = CANARY(5), f = CANARY(6);             \
        uint64_t g = CANARY(7), h = CANARY(8), i = CANARY(9), j = CANARY(10), k = CANARY(11), l = CANARY(12);          \
        double x = (double)(step & 1023) + (double)side, y = x * 3, z = x * 5;                                         \
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+m"(f), "+m"(g), "+m"(h));                 \
        __asm__ volatile("" : "+x"(x), "+x"(y), "+x"(z));                                                              \
        call;                                                                                                          \
        CHECK(a == CANARY(1) && b == CANARY(2) && c == CANARY(3) && d == CANARY(4) && e == CANARY(5));                 \
        CHECK(f == CANARY(6) && g == CANARY(7) && h == CANARY(8) && i == CANARY(9) && j == CANARY(10));                \
        CHECK(k == CANARY(11) && l == CANARY(12));                                                                     \
        CHECK(x == (double)(step & 1023) + (double)side && y == x * 3 && z == x * 5);                                  \
    } while (0)

static no_race_check void other_side(struct context *from, struct context *self, struct worker *worker)
{
    context_started();
    (void)from;
    frame_address = (uintptr_t)__builtin_frame_address(0);
    CHECK(self == &second);
    const uint64_t side = 99;
    for (uint64_t step = 0;; step++) {
        CHECK_CANARIES(context_switch(&second, &first, worker, false));
        switches++;
    }
}

/* Not in the test functions: a switch may not stand in code that ThreadSanitizer looks at (core/context.h). */
static no_race_check void switch_and_look(uint64_t count)
{
    context_init_thread(&first);
    context_init(&second, stack_memory, STACK, other_side);
    const uint64_t side = 7;
    struct worker passed;
    for (uint64_t step = 0; step < count; step++) {
        struct worker *got = NULL;
        CHECK_CANARIES(got = context_switch(&first, &second, &passed, false));
        CHECK(got == &passed);
    }
    CHECK_EQ(switches, count - 1);
    context_fini(&second);
}

START_TEST(registers_survive_a_million_switches)
    {
        switch_and_look(SLOWNESS > 1 ? 100000 : 1000000);
    }
END_TEST

static no_race_check void enter_once(size_t size)
{
    context_init_thread(&first);
    context_init(&second, stack_memory, size, other_side);
    struct worker passed;
    context_switch(&first, &second, &passed, false);
}

START_TEST(entry_finds_an_aligned_stack)
    {
        for (size_t size = STACK - 64; size <= STACK; size += 8) {
            enter_once(size);
            CHECK_EQ(frame_address % 16, 0); /* the frame pointer's slot lies below the return address */
            CHECK(frame_address > (uintptr_t)stack_memory && frame_address <= (uintptr_t)stack_memory + size);
            context_fini(&second);
        }
    }
END_TEST

/* --- floating-point control --- */

static volatile double one = 1.0, three = 3.0;
static volatile long double long_one = 1.0L, long_three = 3.0L;
static _Atomic(unsigned) rounds_done;

static void round_one_way(void *arg)
{
    int mode = *(int *)arg;
    CHECK_EQ(fegetround(), FE_TONEAREST); /* every task starts with the run's */
    CHECK_EQ(fesetround(mode), 0);
    double expected = one / three;
    long double long_expected = long_one / long_three;
    for (int i = 0; i < 2000; i++) {
        weft_yield();
        CHECK_EQ(fegetround(), mode);
        CHECK(one / three == expected);                /* MXCSR */
        CHECK(long_one / long_three == long_expected); /* x87 control word */
    }
    add_release(&rounds_done, 1u);
}

/* Tasks with different rounding modes take turns, wander between workers, and hand their stacks on to tasks that must
 * start with the default again. */
TASK_TEST(rounding_mode_belongs_to_the_task)
{
    static int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};
    struct crew crew;
    crew_init(&crew);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 8; i++) {
            crew_go(&crew, round_one_way, &modes[i % 4]);
        }
        crew_wait(&crew);
        CHECK_EQ(fegetround(), FE_TONEAREST);
    }
    crew_fini(&crew);
}

/* --- through the scheduler --- */

static void keep_canaries(void *arg)
{
    const uint64_t side = *(uint64_t *)arg;
    for (uint64_t step = 0; step < (SLOWNESS > 1 ? 5000 : 100000); step++) {
        CHECK_CANARIES(weft_yield());
    }
}

TASK_TEST(registers_survive_yields)
{
    static uint64_t sides[] = {1, 2, 3, 4, 5};
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < 5; i++) {
        crew_go(&crew, keep_canaries, &sides[i]);
    }
    crew_fini(&crew);
}

TCase *context_tests(void)
{
    TCase *tests = tcase_create("context");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, registers_survive_a_million_switches);
    tcase_add_test(tests, entry_finds_an_aligned_stack);
    tcase_add_test(tests, rounding_mode_belongs_to_the_task);
    tcase_add_test(tests, registers_survive_yields);
    return tests;
}
