// The SystemC library wants one; these tests run no simulation.
extern "C" int sc_main(int, char**) { return 0; }
