#include "base/lru.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

/* Entries are numbered from 1; 0 is no entry. A free entry is linked through `older`. */
struct lru_entry {
    uint64_t key, value;
    uint16_t older, newer;
    uint16_t chain;
};

enum { FIRST_CAPACITY = 4 };

void lru_init(struct lru *l, uint16_t max)
{
    assert(max > 0 && max <= 32768);
    *l = (struct lru){.max = max};
}

void lru_fini(struct lru *l)
{
    mem_free(l->entries);
    mem_free(l->buckets);
    *l = (struct lru){.max = l->max};
}

static struct lru_entry *entry(const struct lru *l, uint16_t i)
{
    return &l->entries[i - 1];
}

static uint16_t *bucket(const struct lru *l, uint64_t key)
{
    return &l->buckets[key % l->capacity];
}

static uint16_t find(const struct lru *l, uint64_t key)
{
    if (l->size == 0)
        return 0;
    uint16_t i = *bucket(l, key);
    while (i != 0 && entry(l, i)->key != key)
        i = entry(l, i)->chain;
    return i;
}

static void link_newest(struct lru *l, uint16_t i)
{
    struct lru_entry *e = entry(l, i);
    e->older = l->newest;
    e->newer = 0;
    if (l->newest != 0)
        entry(l, l->newest)->newer = i;
    else
        l->oldest = i;
    l->newest = i;
}

static void unlink_age(struct lru *l, uint16_t i)
{
    const struct lru_entry *e = entry(l, i);
    if (e->newer != 0)
        entry(l, e->newer)->older = e->older;
    else
        l->newest = e->older;
    if (e->older != 0)
        entry(l, e->older)->newer = e->newer;
    else
        l->oldest = e->newer;
}

static void unlink_chain(struct lru *l, uint16_t i)
{
    uint16_t *at = bucket(l, entry(l, i)->key);
    while (*at != i)
        at = &entry(l, *at)->chain;
    *at = entry(l, i)->chain;
}

static void link_chain(struct lru *l, uint16_t i)
{
    uint16_t *head = bucket(l, entry(l, i)->key);
    entry(l, i)->chain = *head;
    *head = i;
}

static bool grow(struct lru *l)
{
    unsigned wanted = l->capacity == 0 ? FIRST_CAPACITY : l->capacity * 2u;
    uint16_t capacity = (uint16_t)(wanted < l->max ? wanted : l->max);
    uint16_t *buckets = mem_zalloc(capacity, sizeof *buckets);
    struct lru_entry *entries = buckets ? mem_resize(l->entries, capacity, sizeof *entries) : NULL;
    if (!entries) {
        mem_free(buckets);
        return false;
    }
    mem_free(l->buckets);
    l->buckets = buckets;
    l->entries = entries;
    for (uint16_t i = capacity; i > l->capacity; i--) {
        entry(l, i)->older = l->free;
        l->free = i;
    }
    l->capacity = capacity;
    for (uint16_t i = l->oldest; i != 0; i = entry(l, i)->newer)
        link_chain(l, i);
    return true;
}

static uint16_t take_free(struct lru *l)
{
    if (l->free == 0 && (l->capacity == l->max || !grow(l))) {
        if (l->oldest == 0)
            return 0;
        lru_remove(l, entry(l, l->oldest)->key);
    }
    uint16_t i = l->free;
    l->free = entry(l, i)->older;
    return i;
}

const uint64_t *lru_peek(const struct lru *l, uint64_t key)
{
    uint16_t i = find(l, key);
    return i != 0 ? &entry(l, i)->value : NULL;
}

bool lru_put(struct lru *l, uint64_t key, uint64_t value)
{
    uint16_t i = find(l, key);
    if (i != 0) {
        unlink_age(l, i);
    } else {
        i = take_free(l);
        if (i == 0)
            return false;
        entry(l, i)->key = key;
        link_chain(l, i);
        l->size++;
    }
    entry(l, i)->value = value;
    link_newest(l, i);
    return true;
}

void lru_remove(struct lru *l, uint64_t key)
{
    uint16_t i = find(l, key);
    if (i == 0)
        return;
    unlink_chain(l, i);
    unlink_age(l, i);
    entry(l, i)->older = l->free;
    l->free = i;
    l->size--;
}
