// libsystemc asks every program for an sc_main. Tests start what simulation
// they need themselves; one that has an entry of its own goes before this one.
extern "C" __attribute__((weak)) int sc_main(int, char**) { return 0; }
