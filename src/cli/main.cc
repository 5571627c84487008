// The command `sallyport`.
#include <iostream>

#include "cli/verbs.h"

int main(int argc, char** argv) { return sallyport::cli::run(argc, argv, std::cout, std::cerr); }
