/* The model checker's backend of core/atomic.h: each atomic operation becomes a call, with a record of where it
 * stands. */
#ifndef MODEL_ATOMIC_H
#define MODEL_ATOMIC_H

#include "client.h"

#define WEFT_MODEL 1

#define model_site(op, order, failure)                                                                                 \
    static const struct model_site model_site_                                                                         \
        __attribute__((section("model_sites"), used)) = {__FILE__, __LINE__, (op), (order), (failure)}

/* The type of the object without _Atomic and qualifiers. */
#define model_type(p) __typeof__(((void)0, *(p)))
#define model_address(p) ((volatile void *)(uintptr_t)(const volatile void *)(p))

#undef atomic_load_explicit
#define atomic_load_explicit(p, order)                                                                                 \
    __extension__({                                                                                                    \
        model_site(MODEL_LOAD, (order), (order));                                                                      \
        (model_type(p)) model_load(&model_site_, model_address(p), sizeof *(p));                                       \
    })

#undef atomic_store_explicit
#define atomic_store_explicit(p, v, order)                                                                             \
    __extension__({                                                                                                    \
        model_site(MODEL_STORE, (order), (order));                                                                     \
        model_type(p) model_value_ = (v);                                                                              \
        model_store(&model_site_, model_address(p), sizeof *(p), (uint64_t)model_value_);                              \
    })

#define model_modify(kind, p, v, order)                                                                                \
    __extension__({                                                                                                    \
        model_site((kind), (order), (order));                                                                          \
        model_type(p) model_value_ = (model_type(p))(v);                                                               \
        (model_type(p)) model_rmw(&model_site_, model_address(p), sizeof *(p), (uint64_t)model_value_);                \
    })
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_xor_explicit
#define atomic_exchange_explicit(p, v, order) model_modify(MODEL_EXCHANGE, p, v, order)
#define atomic_fetch_add_explicit(p, v, order) model_modify(MODEL_ADD, p, v, order)
#define atomic_fetch_sub_explicit(p, v, order) model_modify(MODEL_SUB, p, v, order)
#define atomic_fetch_and_explicit(p, v, order) model_modify(MODEL_AND, p, v, order)
#define atomic_fetch_or_explicit(p, v, order) model_modify(MODEL_OR, p, v, order)
#define atomic_fetch_xor_explicit(p, v, order) model_modify(MODEL_XOR, p, v, order)

#define model_compare(kind, p, e, v, order, on_failure)                                                                \
    __extension__({                                                                                                    \
        model_site((kind), (order), (on_failure));                                                                     \
        model_type(p) *model_expected_ = (e);                                                                          \
        model_type(p) model_wanted_ = (v);                                                                             \
        uint64_t model_seen_ = (uint64_t)*model_expected_;                                                             \
        bool model_done_ =                                                                                             \
            model_cas(&model_site_, model_address(p), sizeof *(p), &model_seen_, (uint64_t)model_wanted_);             \
        if (!model_done_) {                                                                                            \
            *model_expected_ = (model_type(p))model_seen_;                                                             \
        }                                                                                                              \
        model_done_;                                                                                                   \
    })
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_strong_explicit(p, e, v, order, failure)                                               \
    model_compare(MODEL_CAS, p, e, v, order, failure)
#define atomic_compare_exchange_weak_explicit(p, e, v, order, failure)                                                 \
    model_compare(MODEL_CAS_WEAK, p, e, v, order, failure)

#undef atomic_thread_fence
#define atomic_thread_fence(order)                                                                                     \
    __extension__({                                                                                                    \
        model_site(MODEL_FENCE, (order), (order));                                                                     \
        model_fence(&model_site_);                                                                                     \
    })

#define cpu_relax()                                                                                                    \
    __extension__({                                                                                                    \
        model_site(MODEL_RELAX, memory_order_relaxed, memory_order_relaxed);                                           \
        model_relax(&model_site_);                                                                                     \
    })

#endif
