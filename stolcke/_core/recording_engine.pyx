"""An engine under a guard that also reads what is written between the terminals it watches.

A guard that tells texts of a terminal apart by a finite automaton is asked about
each of the kinds ahead of time.  A :class:`stolcke.TextGuard` judges texts of
which there is no end: is this item equal to an earlier one?  While its state
*records*, every byte is remembered, and when a watched terminal ends, the guard is
given the state together with the text since.

What a thread began at is then not a place but an **origin**: a place, and that
text.  Most places do not record, and are their own origins.

Masks cannot ask about the text of each token.  Where a state records they are
found between two bounds, for which the guard's state is replaced by one of four
that nobody has to ask about:

* ``FREE``: nothing is refused.  That gives all tokens that could be allowed.
* ``UNSURE``: all is refused that may be.  That gives tokens that surely are, as
  they close nothing the guard judges.
* ``SURE``: the next watched terminal is known to be allowed, and the ones after it
  are as in UNSURE.
* ``ONCE``: the next is allowed, and all others are, too, but lead to FREE.

The tokens between the bounds are read one by one; but where SURE allows one, only
until the guard says that what has been written by then is safe.  A terminal that may
be refused has a **shadow**, a variant that reads the same bytes and never
ends: without it UNSURE could not tell a token that stays inside the terminal
from one that closes it.
"""

from libc.stdint cimport int32_t
from libc.string cimport memset
from libcpp.algorithm cimport sort, unique

from stolcke._core.automata cimport join_live
from stolcke._core.containers cimport refill
from stolcke._core.engine cimport DEAD, START, sort_threads
from stolcke._core.guarded_engine cimport QUESTIONS, Place, Reading
from stolcke._core.storage cimport idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put
from stolcke._core.types cimport NONE, ByteSet, byteset_has, byteset_join


cdef extern from *:
    """
    #include <algorithm>
    #include <tuple>
    #include <vector>
    #define THE_VERY_END 0xFFFFFFFEu
    #define IS_SAFE 0xFFFFFFFDu
    #define UPPER (1ull << 63)
    template <class A> static void sort_by_account(std::vector<A>& v) {
        auto rank = [](const A& x) {
            return std::make_tuple(x.state, x.bar, x.insertion, x.column, x.terminal);
        };
        std::sort(v.begin(), v.end(), [=](const A& a, const A& b) { return rank(a) < rank(b); });
    }
    template <class A> static bool go_together(const A& a, const A& b) {
        return a.state == b.state && a.bar == b.bar && a.insertion == b.insertion;
    }
    """
    const uint32_t THE_VERY_END         # instead of a variant: may the text end?
    const uint32_t IS_SAFE              # instead of a variant: will the next of those that may be refused be allowed?
    const uint64_t UPPER                # mode of the upper bound
    void sort_by_account(vector[Arrival]& v) noexcept nogil
    bint go_together(const Arrival& a, const Arrival& b) noexcept nogil


cdef enum:
    # States of no guard; see above.  Clerks number theirs from 5 on, and 0 is the first.
    FREE = 1
    SURE = 2
    UNSURE = 3
    ONCE = 4
    RECORDS = 1 << 30                   # in a state's number, and in an origin's
    ACCOUNT = 1 << 31                   # in the state of a question: it is about an account
    ONLY_WHETHER = 1 << 30              # in the same place


cdef class RecordingEngine(GuardedEngine):
    """Live states of one grammar under a guard that reads texts, over one vocabulary.

    Takes the parameters of :class:`Engine` and, by :meth:`guard_with` and before it :meth:`record_with`, the guard's.
    """

    def __cinit__(self, *args):
        idmap_init(&self.letter_of, 8)
        idmap_init(&self.account_of, 8)
        idmap_init(&self.origin_of, 8)
        idmap_init(&self.verdicts, 8)
        self.letters.resize(1)

    def __dealloc__(self):
        idmap_free(&self.letter_of)
        idmap_free(&self.account_of)
        idmap_free(&self.origin_of)
        idmap_free(&self.verdicts)

    def record_with(self, const uint32_t[::1] refusing not None, const uint32_t[::1] shadows not None):
        """Say which terminals may be refused for what they close, and which variants are shadows of such.

        Parameters
        ----------
        refusing : uint32[n_refusing]
            Terminals.
        shadows : uint32[n_refusing]
            Variants.
        """
        cdef uint32_t i
        refill(self.may_refuse, self.tables.n_terminals, 0)
        for i in range(<uint32_t>refusing.shape[0]):
            self.may_refuse[refusing[i]] = True
            if self.is_shadow.size() <= shadows[i]:
                self.is_shadow.resize(shadows[i] + 1)
            self.is_shadow[shadows[i]] = True
        self.nothing = self.insertion_of(())

    # --- texts ---------------------------------------------------------------------------------------------------

    cdef uint32_t text(self, uint32_t before, uint32_t byte) except? 0xFFFFFFFF nogil:
        """A text and one byte more."""
        cdef uint64_t key = <uint64_t>before << 8 | byte
        cdef uint32_t found = idmap_find(&self.letter_of, key)
        cdef Letter letter
        if found == NONE:
            letter.before = before
            letter.byte = <uint8_t>byte
            found = <uint32_t>self.letters.size()
            self.letters.push_back(letter)
            idmap_put(&self.letter_of, key, found)
        return found

    cdef uint32_t account(self, uint32_t state, uint32_t text) except? 0xFFFFFFFF nogil:
        cdef uint64_t key = <uint64_t>state << 32 | text
        cdef uint32_t found = idmap_find(&self.account_of, key)
        if found == NONE:
            found = <uint32_t>self.accounts.size()
            self.accounts.push_back(Account(state, text))
            idmap_put(&self.account_of, key, found)
        return found

    cdef uint32_t origin(self, uint32_t place, uint32_t text) except? 0xFFFFFFFF nogil:
        cdef uint64_t key = <uint64_t>place << 32 | text
        cdef uint32_t found
        if not self.places[place].state & RECORDS:
            return place
        found = idmap_find(&self.origin_of, key)
        if found == NONE:
            found = <uint32_t>self.origins.size()
            self.origins.push_back(Origin(place, text))
            idmap_put(&self.origin_of, key, found)
        return found | RECORDS

    cdef uint32_t after(self, uint32_t origin, uint32_t byte) except? 0xFFFFFFFF nogil:
        """An origin, once one byte more has been written."""
        cdef Origin o
        if not origin & RECORDS:
            return origin
        o = self.origins[origin ^ RECORDS]
        return self.origin(o.place, self.text(o.text, byte))

    cdef bytes spelled(self, uint32_t text):
        """The bytes of a text; the caller holds the lock."""
        cdef bytearray backwards = bytearray()
        while text:
            backwards.append(self.letters[text].byte)
            text = self.letters[text].before
        backwards.reverse()
        return bytes(backwards)

    # --- the guard -----------------------------------------------------------------------------------------------

    cdef bint ask(self, uint32_t state, uint32_t variant) except -1 nogil:
        """As :meth:`GuardedEngine.ask`; what is known without the text is answered here.

        Where a state records, a place has room for every watched terminal: what becomes of it is asked when it ends.
        """
        cdef uint64_t key = <uint64_t>state << 32 | variant
        cdef bint may_refuse
        if not state & RECORDS and not FREE <= state <= ONCE:
            if variant != THE_VERY_END and self.shadow(variant):
                return self.answer(key, False, 0)
            return GuardedEngine.ask(self, state, variant)
        if variant == THE_VERY_END:
            return self.answer(key, True, 0)
        may_refuse = self.may_refuse[self.terminal_of[variant]]
        if self.shadow(variant):
            return self.answer(key, state == UNSURE or state & RECORDS, UNSURE)
        if state == UNSURE:
            return self.answer(key, not may_refuse, UNSURE)
        if state == SURE:
            return self.answer(key, True, UNSURE)   # what opens now may have to be judged first
        if state == ONCE:
            return self.answer(key, True, FREE if may_refuse else ONCE)
        return self.answer(key, True, FREE)

    cdef bint shadow(self, uint32_t variant) noexcept nogil:
        return variant < self.is_shadow.size() and self.is_shadow[variant]

    cdef bint answer(self, uint64_t key, bint allowed, uint32_t state) except -1 nogil:
        """Note what needs no guard to be known; true."""
        cdef Reading r
        if idmap_find(&self.answers, key) == NONE:
            r.allowed = allowed
            r.state = state
            r.insertion = self.nothing
            self.readings.push_back(r)
            idmap_put(&self.answers, key, <uint32_t>self.readings.size() - 1)
        return True

    cdef uint32_t verdict(self, uint64_t account, uint32_t variant) except? 0xFFFFFFFF nogil:
        """What is known of an account's variant; NONE if nothing is, and then it is a question."""
        cdef uint64_t key = account << 32 | variant
        cdef uint32_t found = idmap_find(&self.verdicts, key)
        if found == NONE:
            self.questions.push_back(key | <uint64_t>ACCOUNT << 32)
        return found

    cdef int answer_questions(self) except -1:
        cdef vector[uint64_t] plain, asked
        cdef uint64_t key
        cdef uint32_t account, variant, found
        cdef bint whether
        cdef Reading r
        with nogil:
            self.lock.lock()
            plain.swap(self.questions)
            for key in plain:
                if key >> 63:
                    asked.push_back(key ^ <uint64_t>ACCOUNT << 32)
                else:
                    self.questions.push_back(key)
            self.lock.unlock()
        GuardedEngine.answer_questions(self)
        sort(asked.begin(), asked.end())
        asked.erase(unique(asked.begin(), asked.end()), asked.end())
        texts = []
        with self.lock:
            for key in asked:
                account = <uint32_t>(key >> 32) & ~<uint32_t>ONLY_WHETHER
                texts.append((self.accounts[account].state, self.spelled(self.accounts[account].text)))
        answers = []
        for key, (state, text) in zip(asked, texts, strict=True):
            variant = <uint32_t>key
            if variant == IS_SAFE:
                answers.append((self.clerk.is_safe(state, text), ()))
            elif key >> 62 & 1:
                answers.append((self.clerk.allows(state, text, variant), ()))
            else:
                answers.append(self.clerk.read_text(state, text, variant))
        for key, answer in zip(asked, answers, strict=True):
            whether = <uint32_t>key == IS_SAFE or key >> 62 & 1
            r.allowed = answer is not None
            r.state = r.insertion = 0
            if answer is not None and not whether:
                r.state = answer[0]
                r.insertion = self.insertion_of(answer[1])
            found = 1 if whether and answer[0] else 0
            with nogil:
                self.lock.lock()
                try:
                    if idmap_find(&self.verdicts, key) == NONE:
                        if not whether:
                            found = <uint32_t>self.readings.size()
                            self.readings.push_back(r)
                        idmap_put(&self.verdicts, key, found)
                finally:
                    self.lock.unlock()
        return 0

    # --- steps ---------------------------------------------------------------------------------------------------

    cdef uint32_t place_of(self, uint32_t word) noexcept nogil:
        return self.origins[word ^ RECORDS].place if word & RECORDS else word

    cdef bint stays(self, uint32_t state, uint32_t token) noexcept nogil:
        """As :meth:`Engine.stays`; no state that records is the same after a byte."""
        cdef const uint32_t* words = self.state_keys.words(state)
        if self.state_keys.length(state) == 4 and words[3] & RECORDS:
            return False
        return GuardedEngine.stays(self, state, token)

    cdef bint advance(self, uint32_t symbol) except -1 nogil:
        """As :meth:`GuardedEngine.advance`; what it holds are origins."""
        cdef uint32_t i, k, v, origin, following, start
        cdef Place p
        self.moving.swap(self.threads)
        self.threads.clear()
        self.ended.clear()
        if symbol < 256:
            for i in range(self.moving.size()):
                following = self.after(self.moving[i].column, symbol)
                if self.move(self.moving[i].terminal, self.moving[i].state, following, symbol):
                    return False
        for k in range(0 if self.here == NONE else self.spots.length(self.here)):
            origin = self.spots.words(self.here)[k]
            following = NONE
            p = self.places[self.place_of(origin)]
            for i in range(p.live, p.live_end):
                v = self.live[i]
                if symbol < 256:
                    start = p.bar * self.n_variants + v
                    if not byteset_has(&self.firsts[start], symbol):
                        continue
                    if following == NONE:
                        following = self.after(origin, symbol)
                    if self.move(v, self.starts[start], following, symbol):
                        return False
                elif self.tables.terminal_symbol[self.terminal_of[v]] == symbol:
                    self.ended.push_back(<uint64_t>origin << 32 | v)
        self.here = NONE if self.ended.empty() else self.arrive()
        if self.refusal.limit != NULL or (self.here == NONE and self.threads.empty()):
            return False
        sort_threads(self.threads)
        if self.threads.size() > self.live_threads:
            self.refuse("live_threads", self.threads.size(), self.live_threads)
            return False
        return True

    cdef uint32_t arrive(self) except? 0xFFFFFFFF nogil:
        """As :meth:`GuardedEngine.arrive`; places are origins, and states of arrivals are accounts."""
        cdef size_t i
        cdef size_t before = self.questions.size()
        cdef uint32_t place
        cdef Account account
        cdef Arrival a
        self.arrivals.clear()
        self.spot.clear()
        for i in range(self.ended.size()):
            if self.arrived(<uint32_t>(self.ended[i] >> 32), <uint32_t>self.ended[i], &a):
                self.arrivals.push_back(a)
        sort_by_account(self.arrivals)
        i = 0
        while i < self.arrivals.size():
            a = self.arrivals[i]
            self.pairs.clear()
            while i < self.arrivals.size() and go_together(a, self.arrivals[i]):
                self.pairs.push_back(<uint64_t>self.arrivals[i].column << 32 | self.arrivals[i].terminal)
                i += 1
            self.pairs.erase(unique(self.pairs.begin(), self.pairs.end()), self.pairs.end())
            account = self.accounts[a.state]
            a.state = account.state
            place = self.landing(self.chart.goto_pairs(self.pairs), &a)
            if place != NONE and place != DEAD:
                self.spot.push_back(self.origin(place, account.text))
        if self.questions.size() > before:
            self.refuse(QUESTIONS, 0, 0)
            return NONE
        if self.spot.empty():
            return NONE
        sort(self.spot.begin(), self.spot.end())
        self.spot.erase(unique(self.spot.begin(), self.spot.end()), self.spot.end())
        return self.spots.intern(self.spot.data(), self.spot.size())

    cdef bint arrived(self, uint32_t origin, uint32_t variant, Arrival* a) except -1 nogil:
        """Where a variant leads to that has ended, with an account for a state; false where nowhere, or not yet."""
        cdef Origin o
        cdef uint32_t found, account, state
        if self.shadow(variant):
            return False
        a[0] = self.arrival(self.place_of(origin), variant)
        if not origin & RECORDS:
            a.state = self.account(a.state, 0)
            return True
        o = self.origins[origin ^ RECORDS]
        state = self.places[o.place].state
        account = self.account(state, o.text)
        if not self.is_watched[a.terminal]:
            a.state = account
            return True
        if self.only_whether and self.may_refuse[a.terminal]:
            found = self.verdict(account | <uint64_t>ONLY_WHETHER, variant)
            a.state = self.account(ONCE, 0)
            return found == 1
        found = self.verdict(account, variant)
        if found == NONE or not self.readings[found].allowed:
            return False
        a.state = self.account(self.readings[found].state, 0)
        a.insertion = self.readings[found].insertion
        return True

    # --- masks ---------------------------------------------------------------------------------------------------

    cdef uint32_t bounding(self, uint32_t place, uint32_t text) except? 0xFFFFFFFF nogil:
        """The place that stands for one that records, in the bound under way; NONE where a question has come up."""
        cdef Place p = self.places[place]
        cdef uint32_t safe
        if self.mode:
            return self.place(p.column, FREE, p.bar)
        safe = 1 if self.all_sure else self.verdict(self.account(p.state, text), IS_SAFE)
        return NONE if safe == NONE else self.place(p.column, SURE if safe else UNSURE, p.bar)

    cdef uint32_t begun(self, uint32_t word, uint32_t variant) except? 0xFFFFFFFF nogil:
        cdef Origin o
        cdef uint32_t place, state
        if not word & RECORDS:
            return word
        o = self.origins[word ^ RECORDS]
        place = self.bounding(o.place, o.text)
        if variant != NONE and place != NONE:
            state = self.places[place].state
            if self.shadow(variant):
                return place if state == UNSURE else DEAD
            if state == UNSURE and self.may_refuse[self.terminal_of[variant]]:
                return DEAD
        return place

    cdef uint32_t entering(self, uint32_t place) except? 0xFFFFFFFF nogil:
        cdef bint all_sure = self.all_sure
        if self.places[place].state & RECORDS:
            self.all_sure = False       # that is assumed of what is open, not of what opens within a token
            place = self.bounding(place, 0)
            self.all_sure = all_sure
        return place

    cdef uint32_t target(self, uint32_t place, uint32_t variant) except? 0xFFFFFFFF nogil:
        return DEAD if self.shadow(variant) else GuardedEngine.target(self, place, variant)

    cdef uint32_t mask_locked(self, uint32_t state) except? 0xFFFFFFFF nogil:
        """As :meth:`GuardedEngine.mask_locked`: what is sure, and of the doubtful tokens those that can be read."""
        cdef uint32_t i, token
        cdef bint refused, only_one
        cdef char[256] first            # of each byte: 0 unknown, 1 safe after it, 2 not
        memset(first, 0, 256)
        self.mode = 0
        self.all_sure = False
        if GuardedEngine.mask_locked(self, state) == NONE:
            return NONE
        self.sure.assign(self.cascade.parts.begin(), self.cascade.parts.end())
        self.mode = UPPER
        refused = self.collect(state)
        self.mode = 0
        if refused:
            return NONE
        self.possible.assign(self.cascade.parts.begin(), self.cascade.parts.end())
        self.allowed.clear()
        if self.sure != self.possible:
            self.find_doubtful()
            self.all_sure = True
            refused = self.collect(state)
            self.all_sure = False
            if refused:
                return NONE
            self.write_row(self.cascade.parts)
            refused = False
            self.beyond.clear()
            for i in range(self.doubtful.size()):
                token = self.doubtful[i]
                only_one = self.row[token >> 5] >> (token & 31) & 1
                if (only_one and self.is_safe_after_one(state, token, first)
                        or self.walk(state, token, True, only_one)):
                    self.allowed.push_back(token)
                    if not only_one:
                        self.beyond.push_back(token)
                elif only_one:
                    refused = True
                if self.refusal.limit != NULL and self.refusal.limit != QUESTIONS:
                    return NONE
            if not refused:             # then there are partitions for most, and no list has to be kept for good
                self.sure.assign(self.cascade.parts.begin(), self.cascade.parts.end())
                self.allowed.swap(self.beyond)
        if self.refusal.limit != NULL:
            return NONE
        if not self.allowed.empty():
            self.store.lock.lock()
            try:
                self.sure.push_back(self.store.of_tokens(self.allowed.data(), self.allowed.size()))
            finally:
                self.store.lock.unlock()
        return self.masks.intern(self.sure, self.at(state).accepting)

    cdef bint is_safe_after_one(self, uint32_t state, uint32_t token, char* first) except -1 nogil:
        """Whether all is safe once the first byte of a longer token is written; ``first`` remembers that."""
        cdef uint8_t byte = self.store.data[self.store.offsets[token]]
        cdef const char* before = self.refusal.limit
        if self.prefix_length(state) or self.store.offsets[token + 1] - self.store.offsets[token] < 2:
            return False
        if first[byte] == 0:
            self.refusal.limit = NULL
            self.enter(state)
            first[byte] = 1 if self.advance(byte) and self.here == NONE and self.is_safe() else 2
            if self.refusal.limit == NULL:
                self.refusal.limit = before
        return first[byte] == 1

    cdef int write_row(self, vector[uint32_t]& parts) except -1 nogil:
        """Write the tokens of some partitions into ``row``."""
        cdef uint32_t mask = self.masks.intern(parts, False)
        self.row.resize(self.store.n_words)
        self.masks.write(self.masks.at(mask), self.row.data(), self.store.n_words)
        return 0

    cdef int find_doubtful(self) except -1 nogil:
        """List the tokens that are possible and not sure."""
        cdef uint32_t i, token
        cdef int32_t difference
        cdef vector[int32_t] row
        self.doubtful.clear()
        self.write_row(self.possible)
        row.assign(self.row.begin(), self.row.end())
        self.write_row(self.sure)
        for i in range(row.size()):
            difference = row[i] & ~self.row[i]
            if difference:
                for token in range(32):
                    if difference >> token & 1:
                        self.doubtful.push_back(i << 5 | token)
        return 0

    cdef bint walk(self, uint32_t state, uint32_t token, bint only_whether, bint only_one) except -1 nogil:
        """Whether a token can be read; with a question for a refusal where that is not known yet.

        ``only_one`` says that it can be if the next watched terminal is allowed.
        """
        cdef uint32_t length = self.prefix_length(state)
        cdef const uint8_t* text = &self.store.data[0] + self.store.offsets[token]
        cdef uint32_t n = <uint32_t>(self.store.offsets[token + 1] - self.store.offsets[token])
        cdef uint32_t i
        cdef bint alive = True
        cdef const char* before = self.refusal.limit
        self.n_walked += 1
        self.refusal.limit = NULL
        self.only_whether = only_whether
        self.enter(START if length else state)
        for i in range(length, n):      # of a prefix, the upper bound has seen to it that the token begins with it
            alive = self.advance(text[i])
            if not alive:
                break
            only_one = only_one and self.here == NONE
            if only_one and i + 1 < n and self.is_safe():
                break
            if self.refusal.limit != NULL:
                alive = False
                break
        else:
            # What is left may have closed more than one thing, and all but the first unseen.
            if only_whether and n > length and not self.stands():
                alive = self.walk(state, token, False, False)
        self.only_whether = False
        if self.refusal.limit == NULL:
            self.refusal.limit = before
        return alive

    cdef bint is_safe(self) except -1 nogil:
        """Whether the guard allows all that is under way to end, as far as it is asked; perhaps with a question."""
        cdef uint32_t i, safe
        cdef bint all_safe = True
        cdef Origin o
        for i in range(self.threads.size()):
            if not self.threads[i].column & RECORDS:
                continue
            o = self.origins[self.threads[i].column ^ RECORDS]
            safe = self.verdict(self.account(self.places[o.place].state, o.text), IS_SAFE)
            if safe == NONE:
                self.refuse(QUESTIONS, 0, 0)
                return False
            all_safe = all_safe and safe == 1
        return all_safe

    cdef bint stands(self) noexcept nogil:
        """Whether something is left that nothing has been assumed for."""
        cdef uint32_t k
        for k in range(self.threads.size()):
            if self.places[self.place_of(self.threads[k].column)].state != FREE:
                return True
        for k in range(0 if self.here == NONE else self.spots.length(self.here)):
            if self.places[self.place_of(self.spots.words(self.here)[k])].state != FREE:
                return True
        return False

    # --- the rest ------------------------------------------------------------------------------------------------

    cdef void live_bytes(self, uint32_t state, ByteSet* out, bint* special) noexcept nogil:
        """As :meth:`GuardedEngine.live_bytes`, some of which the guard may refuse."""
        cdef const uint32_t* words = self.state_keys.words(state)
        cdef uint32_t i, k
        cdef Place p
        if self.prefix_length(state):
            GuardedEngine.live_bytes(self, state, out, special)
            return
        memset(out, 0, sizeof(ByteSet))
        special[0] = False
        for i in range(1, self.state_keys.length(state), 3):
            if not self.shadow(words[i]):
                join_live(out, self.store.state(words[i + 1]))
        for k in range(0 if words[0] == NONE else self.spots.length(words[0])):
            p = self.places[self.place_of(self.spots.words(words[0])[k])]
            for i in range(p.live, p.live_end):
                if not self.shadow(self.live[i]):
                    byteset_join(out, &self.firsts[p.bar * self.n_variants + self.live[i]])
                if self.tables.terminal_symbol[self.terminal_of[self.live[i]]] != NONE:
                    special[0] = True

    cdef size_t bytes(self) noexcept nogil:
        return (GuardedEngine.bytes(self) + idmap_bytes(&self.letter_of) + idmap_bytes(&self.account_of)
                + idmap_bytes(&self.origin_of) + idmap_bytes(&self.verdicts) + sizeof(Letter) * self.letters.capacity()
                + sizeof(Account) * self.accounts.capacity() + sizeof(Origin) * self.origins.capacity())

    def stats(self):
        """As :meth:`GuardedEngine.stats`, and how many tokens masks have read one by one."""
        return {**GuardedEngine.stats(self), "tokens_walked": self.n_walked}
