"""What Cython's own declarations of C++ containers would let end the process where memory runs out.

``libcpp`` declares ``vector.assign(n, x)``, ``vector = vector``, ``unordered_map[key]`` and
``priority_queue.push`` as functions that never throw, so that their ``bad_alloc`` meets nobody.  These raise
MemoryError; a vector is copied by ``assign(begin, end)``, which does too.
"""

from libcpp.unordered_map cimport unordered_map


cdef extern from * nogil:
    """
    #ifndef STOLCKE_CONTAINERS
    #define STOLCKE_CONTAINERS
    #include <stddef.h>
    #include <type_traits>
    template <class V, class T> static inline void refill(V& v, size_t n, const T& x) {
        v.assign(n, static_cast<typename std::remove_reference<V>::type::value_type>(x));
    }
    template <class K, class U> static inline U* slot_of(std::unordered_map<K, U>& map, const K& key) {
        return &map[key];
    }
    template <class Q, class T> static inline void enqueue(Q& queue, const T& x) { queue.push(x); }
    #endif
    """
    # n times x, whatever was there before.
    void refill[V, T](V& v, size_t n, const T& x) except +
    # Where the value of a key is kept, made (zero) if need be.
    U* slot_of[K, U](unordered_map[K, U]& map, const K& key) except +
    void enqueue[Q, T](Q& queue, const T& x) except +
