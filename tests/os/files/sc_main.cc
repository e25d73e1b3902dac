// The SystemC library wants one; these tests run no simulation.
int sc_main(int, char**) { return 0; }
