/* Uses what weft.h inlines: the names that are left for the linker must all be Weft's. */
#include <weft.h>

const char *use_what_is_inlined(struct weft_mutex *mutex, struct weft_once *once, void (*fn)(void *));

const char *use_what_is_inlined(struct weft_mutex *mutex, struct weft_once *once, void (*fn)(void *))
{
    weft_lock(mutex);
    weft_once_do(once, fn, mutex);
    weft_unlock(mutex);
    return weft_recover();
}
