// libsystemc asks every program for an sc_main. Its own main is not used:
// faultline starts the simulation itself.
extern "C" int sc_main(int, char**) { return 0; }
