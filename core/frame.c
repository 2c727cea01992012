/* weft_call.
 *
 * Idea: each frame is ready for a jump, so that what a call keeps in registers is stored each time. On x86-64 that is
 * done by hand, as a compiler stores those registers twice where it sees a jump land, loads them all again where none
 * has come, and keeps the stack pointer and the address too, which are known (docs/performance.md has the figures).
 * Elsewhere, and under the sanitizers, which know the C library's jumps only, it is C. */
#include "frame.h"

#ifdef CALL_ASSEMBLY

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define CALL_CFI(directive) ".cfi_" directive "\n\t"
#else
#define CALL_CFI(directive) ""
#endif
#ifdef __CET__
#define CALL_PAD "endbr64\n\t"
#else
#define CALL_PAD ""
#endif

/* clang-format off */
/* A naked function holds nothing but assembly, without operands. In words: the C below. Aligned, like weft_defer: as
 * few lines of code as can be. */
__attribute__((naked, noinline, aligned(64))) bool weft_call(void (*fn)(void *) __attribute__((unused)),
                                              void *arg __attribute__((unused)))
{
    __asm__(CALL_PAD
            "movq weft_worker_tls@gottpoff(%rip), %rax\n\t"
            "movq %fs:(%rax), %rax\n\t"
            "testq %rax, %rax\n\t"
            "je frame_refuse\n\t"
            "testq %rdi, %rdi\n\t"
            "je frame_refuse\n\t"
            "movq (%rax), %rax\n\t" /* the task */
            "subq $216, %rsp\n\t"
            CALL_CFI("adjust_cfa_offset 216")
            "movq %rbx, 16(%rsp)\n\t"
            "movq %rbp, 24(%rsp)\n\t"
            "movq %r12, 32(%rsp)\n\t"
            "movq %r13, 40(%rsp)\n\t"
            "movq %r14, 48(%rsp)\n\t"
            "movq %r15, 56(%rsp)\n\t"
            CALL_CFI("rel_offset %rbx, 16")
            CALL_CFI("rel_offset %rbp, 24")
            CALL_CFI("rel_offset %r12, 32")
            CALL_CFI("rel_offset %r13, 40")
            CALL_CFI("rel_offset %r14, 48")
            CALL_CFI("rel_offset %r15, 56")
            "movq %rax, %rbx\n\t"
            "movq 88(%rbx), %rbp\n\t" /* its innermost frame, the parent */
            "movq %rbp, (%rsp)\n\t"
            "movq $0, 8(%rsp)\n\t" /* base: FUNCTION_RUNS, count: 0 */
            "movq %rsp, 88(%rbx)\n\t"
            "movq %rdi, %rax\n\t"
            "movq %rsi, %rdi\n\t"
            "callq *%rax\n\t"
            "cmpl $1, 12(%rsp)\n\t"
            "jne 1f\n\t"
            "movq $1, 8(%rsp)\n\t" /* base: 1, count: 0 */
            "movq 96(%rsp), %rdi\n\t"
            "callq *88(%rsp)\n"
            "1:\tcmpl $0, 12(%rsp)\n\t"
            "jne 3f\n"
            "2:\tmovq %rbp, 88(%rbx)\n\t"
            "movq 16(%rsp), %rbx\n\t"
            "movq 24(%rsp), %rbp\n\t"
            "addq $216, %rsp\n\t"
            CALL_CFI("remember_state")
            CALL_CFI("adjust_cfa_offset -216")
            CALL_CFI("restore %rbx")
            CALL_CFI("restore %rbp")
            "movl $1, %eax\n\t"
            "retq\n"
            "3:\t"
            CALL_CFI("restore_state")
            "movq %rsp, %rdi\n\t"
            "callq frame_run\n\t"
            "jmp 2b\n"
            ".globl frame_land\n\t"
            ".hidden frame_land\n"
            "frame_land:\n\t" /* from frame_jump: %rsp is the frame */
            "callq frame_landed\n\t"
            "movq 16(%rsp), %rbx\n\t"
            "movq 24(%rsp), %rbp\n\t"
            "movq 32(%rsp), %r12\n\t"
            "movq 40(%rsp), %r13\n\t"
            "movq 48(%rsp), %r14\n\t"
            "movq 56(%rsp), %r15\n\t"
            "addq $216, %rsp\n\t"
            CALL_CFI("adjust_cfa_offset -216")
            "retq");
}
/* clang-format on */

#else

/* Whoever sets a jump must not share its stack frame with a caller that is alive behind it. */
__attribute__((noinline)) bool weft_call(void (*fn)(void *), void *arg)
{
    struct frame frame;
    struct worker *worker = worker_self();
    if (unlikely(worker == NULL || fn == NULL)) {
        frame_refuse();
    }
    struct task *self = load_relaxed(&worker->current); /* owner only */
    frame.parent = self->frames;
    frame.base = FUNCTION_RUNS;
    frame.count = 0;
    self->frames = &frame;
    if (_setjmp(frame.jump) != 0) {
        return frame_landed();
    }
    fn(arg);
    if (frame.count != 0) {
        frame_run(&frame);
    }
    self->frames = frame.parent;
    return true;
}

#endif
