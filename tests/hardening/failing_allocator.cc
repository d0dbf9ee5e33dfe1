// Loaded before everything else (LD_PRELOAD): lets chosen allocations of the extension modules fail.
//
// Only calls that come from stolcke/_core, or from the C++ library on its behalf (strings), are counted: the
// interpreter's own and NumPy's go on.  Used by out_of_memory.py; build: g++ -shared -fPIC -O1 -o X.so this -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <new>

static long counted = 0, fails_first = 0, fails_last = 0;   // nothing is counted while fails_first is 0
static thread_local bool asking = false;                    // dladdr may allocate

extern "C" void stolcke_fail(long first, long last) {
    counted = 0;
    fails_last = last;
    fails_first = first;
}

extern "C" long stolcke_counted() { return counted; }

static bool refused(void *caller) {
    if (fails_first == 0 || asking) return false;
    Dl_info info;
    asking = true;
    bool ours = dladdr(caller, &info) && info.dli_fname
                && (strstr(info.dli_fname, "/stolcke/_core/") || strstr(info.dli_fname, "libstdc++"));
    asking = false;
    if (!ours) return false;
    counted++;
    return fails_first <= counted && counted <= fails_last;
}

template <class F> static F next(const char *name) {
    asking = true;
    F found = reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
    asking = false;
    return found;
}

static void *allocate(size_t size, void *caller) {
    static void *(*real)(size_t) = next<void *(*)(size_t)>("_Znwm");
    if (refused(caller)) throw std::bad_alloc();
    return real(size);
}

void *operator new(size_t size) { return allocate(size, __builtin_return_address(0)); }
void *operator new[](size_t size) { return allocate(size, __builtin_return_address(0)); }

// dlsym itself may ask for zeroed memory before calloc is known.
static char early[4096];
static size_t early_used = 0;

extern "C" void *malloc(size_t size) noexcept {
    static void *(*real)(size_t) = next<void *(*)(size_t)>("malloc");
    return refused(__builtin_return_address(0)) ? nullptr : real(size);
}

extern "C" void *calloc(size_t count, size_t size) noexcept {
    static void *(*real)(size_t, size_t) = nullptr;
    static bool looking = false;
    if (!real) {
        if (looking) {
            void *found = early + early_used;
            early_used += (count * size + 15) & ~size_t(15);
            return early_used <= sizeof(early) ? found : nullptr;
        }
        looking = true;
        real = next<void *(*)(size_t, size_t)>("calloc");
        looking = false;
    }
    return refused(__builtin_return_address(0)) ? nullptr : real(count, size);
}
