#include "server/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum long_option {
    LONG_CONFIG = 256, /* no letter: tells a word that is wrong from a letter */
    LONG_TEST,
    LONG_HELP,
    LONG_VERSION,
    LONG_DUMP,
    LONG_ORIGIN,
    LONG_LISTEN,
    LONG_CERTIFICATE,
    LONG_KEY,
};

/* The option that getopt has just refused: a letter, which may stand among others, or a word. */
static const char *offending(char **argv, char letter[3])
{
    if (optopt == 0 || optopt >= LONG_CONFIG)
        return argv[optind - 1];
    letter[0] = '-';
    letter[1] = (char)optopt;
    letter[2] = '\0';
    return letter;
}

static bool wrong(const char *what, const char *which)
{
    fprintf(stderr, "headstart: %s%s; see headstart --help\n", what, which);
    return false;
}

static bool take(struct arguments *a, int option, char **argv)
{
    char letter[3];
    switch (option) {
    case 'c':
    case LONG_CONFIG:
        a->file = optarg;
        break;
    case 't':
    case LONG_TEST:
        a->action = ACTION_TEST;
        break;
    case 'h':
    case LONG_HELP:
        a->action = ACTION_HELP;
        break;
    case 'V':
    case LONG_VERSION:
        a->action = ACTION_VERSION;
        break;
    case LONG_DUMP:
        a->action = ACTION_DUMP;
        break;
    case LONG_ORIGIN:
        a->origin = optarg;
        break;
    case LONG_LISTEN:
        a->listen = optarg;
        break;
    case LONG_CERTIFICATE:
        a->certificate = optarg;
        break;
    case LONG_KEY:
        a->key = optarg;
        break;
    case ':':
        return wrong("a value is missing after ", offending(argv, letter));
    default:
        return wrong("unknown option ", offending(argv, letter));
    }
    return true;
}

/* What does not go together. */
static bool check(struct arguments *a)
{
    bool quick = a->origin || a->action == ACTION_DEMO;
    if (a->action == ACTION_DEMO && a->origin)
        return wrong("demo has an origin of its own: ", "leave --origin out");
    if (quick && a->file)
        return wrong("-c does not go with --origin or demo", "");
    if (!quick && (a->listen || a->certificate || a->key))
        return wrong("--listen, --certificate and --key go with --origin or demo only", "");
    if (!a->certificate != !a->key)
        return wrong("--certificate and --key go together", "");
    if (!a->file)
        a->file = ARGUMENTS_DEFAULT_FILE;
    return true;
}

bool arguments_read(struct arguments *a, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, LONG_CONFIG},
        {"test", no_argument, NULL, LONG_TEST},
        {"help", no_argument, NULL, LONG_HELP},
        {"version", no_argument, NULL, LONG_VERSION},
        {"dump-config", no_argument, NULL, LONG_DUMP},
        {"origin", required_argument, NULL, LONG_ORIGIN},
        {"listen", required_argument, NULL, LONG_LISTEN},
        {"certificate", required_argument, NULL, LONG_CERTIFICATE},
        {"key", required_argument, NULL, LONG_KEY},
        {NULL, 0, NULL, 0},
    };
    int option;
    *a = (struct arguments){.action = ACTION_RUN};
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:thV", options, NULL)) != -1) {
        if (!take(a, option, argv))
            return false;
    }
    if (optind < argc && a->action == ACTION_RUN && strcmp(argv[optind], "demo") == 0) {
        a->action = ACTION_DEMO;
        optind++;
    }
    if (optind < argc)
        return wrong("unexpected argument ", argv[optind]);
    return check(a);
}

void arguments_print_help(void)
{
    fputs(
        "headstart - an HTTP/2 reverse proxy that pushes what a page's Link field names\n"
        "\n"
        "  headstart [-c FILE]              run; FILE is " ARGUMENTS_DEFAULT_FILE " by default\n"
        "  headstart --origin URL [--listen ADDR:PORT] [--certificate FILE --key FILE]\n"
        "                                   run without a file, in front of one origin; on\n"
        "                                   127.0.0.1:8443 with a self-signed certificate\n"
        "                                   where none are given\n"
        "  headstart demo [--listen ADDR:PORT]\n"
        "                                   run in front of a built-in demo page\n"
        "\n"
        "  -c, --config FILE  read the configuration from FILE\n"
        "  -t, --test         check the configuration, its certificates too, and exit\n"
        "      --dump-config  print the configuration with all defaults and exit\n"
        "  -h, --help         print this and exit\n"
        "  -V, --version      print the version and exit\n"
        "\n"
        "Signals: SIGHUP reads FILE and its certificates anew, SIGUSR1 opens the access log anew\n"
        "(after rotation), SIGTERM and SIGINT finish what runs and exit; a second one exits at\n"
        "once. Without a FILE, SIGHUP is as SIGTERM.\n"
        "Exit codes: 0 fine, 1 configuration, 2 usage, 3 failure while running.\n",
        stdout);
}
