# What `cmake --install` lays down: the programs. (The client library's package files come with its public headers.)
include(GNUInstallDirs)
