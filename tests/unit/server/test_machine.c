#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/attr.h"
#include "server/machine.h"

enum { PATH_BYTES = 256, MIB = 1 << 20 };

static char dir[] = "/tmp/headstart-machine-XXXXXX";
static char groups[PATH_BYTES];

static const char *in_dir(char out[PATH_BYTES], const char *name)
{
    snprintf(out, PATH_BYTES, "%s/%s", dir, name);
    return out;
}

static void write_text(const char *name, const char *text)
{
    char path[PATH_BYTES];
    FILE *file = fopen(in_dir(path, name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_groups(void **state)
{
    char path[PATH_BYTES];
    (void)state;
    assert_non_null(mkdtemp(dir));
    in_dir(groups, "groups");
    assert_int_equal(mkdir(in_dir(path, "system"), 0700), 0);
    assert_int_equal(mkdir(in_dir(path, "system/proxy"), 0700), 0);
    return 0;
}

static int remove_groups(void **state)
{
    static const char *const names[] = {"system/proxy/memory.max", "system/memory.max",
                                        "memory.max", "groups"};
    char path[PATH_BYTES];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(in_dir(path, names[i]));
    rmdir(in_dir(path, "system/proxy"));
    rmdir(in_dir(path, "system"));
    return rmdir(dir);
}

/* What the group itself says, the group around it, and the root: NULL: there is no such file. */
static void the_least_limit_of_the_group_and_those_around_it_counts(void **state)
{
    static const struct {
        const char *groups, *own, *around, *root;
        uint64_t bytes;
    } cases[] = {
        {"0::/system/proxy\n", "max\n", "max\n", NULL, UINT64_MAX},
        {"0::/system/proxy\n", "1048576\n", "max\n", NULL, MIB},
        {"0::/system/proxy\n", "max\n", "2097152\n", NULL, 2 * MIB},
        {"0::/system/proxy\n", "3145728\n", "2097152\n", NULL, 2 * MIB},
        {"0::/system/proxy\n", "1048576\n", "2097152\n", "4096\n", 4096},
        {"4:memory:/x\n0::/system/proxy\n", "1048576\n", "max\n", NULL, MIB},
        {"0::/\n", "1048576\n", "1048576\n", "2097152\n", 2 * MIB},
        {"0::/system/gone\n", "4096\n", "1048576\n", NULL, MIB},
        {"4:memory:/system/proxy\n", "1048576\n", "1048576\n", "1048576\n", UINT64_MAX},
        {"", "1048576\n", "1048576\n", "1048576\n", UINT64_MAX},
    };
    char path[PATH_BYTES];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_text("groups", cases[i].groups);
        write_text("system/proxy/memory.max", cases[i].own);
        write_text("system/memory.max", cases[i].around);
        if (cases[i].root)
            write_text("memory.max", cases[i].root);
        else
            unlink(in_dir(path, "memory.max"));
        uint64_t bytes = machine_group_memory(groups, dir);
        if (bytes != cases[i].bytes)
            fail_msg("case %zu: %llu", i, (unsigned long long)bytes);
    }
    assert_int_equal(machine_group_memory("/nowhere", dir), UINT64_MAX);
}

static void the_machine_has_no_more_than_its_kernel_says(void **state)
{
    (void)state;
    struct sysinfo info;
    assert_int_equal(sysinfo(&info), 0);
    assert_in_range(machine_memory(), 1, (uint64_t)info.totalram * info.mem_unit);
}

static void a_share_is_of_the_machine(void **state)
{
    (void)state;
    assert_int_equal(machine_share(&(struct config_memory){.percent = 25}, 4000), 1000);
    assert_int_equal(machine_share(&(struct config_memory){.percent = 100}, 4000), 4000);
    assert_int_equal(machine_share(&(struct config_memory){.bytes = 7}, 4000), 7);
    assert_int_equal(machine_share(&(struct config_memory){0}, 4000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_limit_of_the_group_and_those_around_it_counts),
        cmocka_unit_test(the_machine_has_no_more_than_its_kernel_says),
        cmocka_unit_test(a_share_is_of_the_machine),
    };
    return cmocka_run_group_tests(tests, make_groups, remove_groups);
}
