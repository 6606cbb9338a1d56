/* Prints what is made of the table of options: `example` is conf/proxy.conf, `reference` is
 * docs/configuration.md. */
#include <string.h>

#include "config/config.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "example") == 0) {
        config_print_example(stdout);
    } else if (argc == 2 && strcmp(argv[1], "reference") == 0) {
        config_print_reference(stdout);
    } else {
        fputs("usage: print_config example|reference\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
