// Package livetest has a server to be looked at in tests, as one of Debian 12 was recorded: nginx 1.22, PHP-FPM 8.2, systemd 252.
package livetest
