// Package supply takes a config as its user named it and makes a real nginx load it without a change to the user's files:
// it finds the main file, puts every file where the config looks for it, and makes up what the machine lacks (users,
// certificates, folders, modules, an outer http{} around a fragment). What can't be had is refused with the reason.
package provision
