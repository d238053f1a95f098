package livetest

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"syscall"
	"testing/fstest"
	"time"

	"github.com/badgateway/badgateway/harness/live"
)

// A Server is a server that a test breaks.
type Server struct {
	Files fstest.MapFS
	// Says are what programs print, by the command line up to any of its arguments ("ss -Hltn", "journalctl").
	Says map[string]live.Output
	// Hangs are programs, named so too, that do not end.
	Hangs map[string]bool
	UID   int
}

// Now is the server's time; its zone is two hours east of UTC.
var Now = time.Date(2026, 11, 28, 5, 50, 0, 0, time.FixedZone("EET", 2*60*60))

// The ids of the users of a [Server].
const (
	Root    = 0
	WWWData = 33
)

const config = `user www-data;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
events { worker_connections 768; }
http {
	access_log /var/log/nginx/access.log;
	upstream old { server 127.0.0.1:9000 down; server unix:/run/php/php8.2-fpm.sock; }
	include /etc/nginx/sites-enabled/*;
}
`

const site = `server {
	listen 8080;
	location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; include fastcgi_params; }
	location /old { fastcgi_pass old; }
	location /api { proxy_pass http://127.0.0.1:3000; }
	location /node { proxy_pass http://localhost:3001; }
	location /far { proxy_pass http://192.0.2.7; }
}
`

const units = `Result=success
NRestarts=0
ExecMainStatus=0
ExecStart={ path=/usr/sbin/php-fpm8.2 ; argv[]=/usr/sbin/php-fpm8.2 --nodaemonize --fpm-config /etc/php/8.2/fpm/php-fpm.conf ; ignore_errors=no ; pid=37 ; code=(null) ; status=0/0 }
Id=php8.2-fpm.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled

Result=success
NRestarts=0
ExecMainStatus=0
ExecStart={ path=/usr/sbin/nginx ; argv[]=/usr/sbin/nginx -g daemon on; master_process on; ; ignore_errors=no ; pid=0 ; code=(null) ; status=0/0 }
Id=nginx.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
`

// New is a server on which nothing is wrong, looked at by root.
func New() *Server {
	s := &Server{Files: fstest.MapFS{}, Hangs: map[string]bool{}, Says: map[string]live.Output{
		"nginx -V":       {Stderr: "nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --http-log-path=/var/log/nginx/access.log --error-log-path=stderr --http-proxy-temp-path=/var/lib/nginx/proxy\n"},
		"nginx -T":       {Stdout: "# configuration file /etc/nginx/nginx.conf:\n" + config + "\n# configuration file /etc/nginx/sites-enabled/default:\n" + site + "\n# configuration file /etc/nginx/fastcgi_params:\n\n"},
		"ss -Hltn":       {Stdout: "LISTEN 0      511          0.0.0.0:8080      0.0.0.0:*\nLISTEN 0      511        127.0.0.1:3000      0.0.0.0:*\nLISTEN 0      511                *:3001            *:*\nLISTEN 0      4096   127.0.0.53%lo:53        0.0.0.0:*\n"},
		"ss -Hlxn":       {Stdout: "u_str LISTEN 0      4096                  /run/dbus/system_bus_socket 800300  * 0\nu_str LISTEN 0      511                   /run/php/php8.2-fpm.sock 1091449 * 0\n"},
		"getent ahosts":  {Stdout: "127.0.0.1       STREAM localhost\n127.0.0.1       DGRAM\n::1             STREAM\n"},
		"df -Pkl":        {Stdout: "Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda1        264212084 18867252  76634012      20% /\ntmpfs             12342044       40  12342004       1% /run\n/dev/loop0           65536    65536         0     100% /snap/core/1\n"},
		"df -Pil":        {Stdout: "Filesystem       Inodes  IUsed    IFree IUse% Mounted on\n/dev/vda1      16777216 523728 16253488    4% /\ntmpfs           3085511     87  3085424    1% /run\n"},
		"systemctl show": {Stdout: units},
		"journalctl":     {Stdout: "-- No entries --\n"},
		"dmesg":          {Stdout: "[Sat Nov 28 03:00:02 2026] EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.\n"},
	}}
	s.Write("/etc/nginx/nginx.conf", config)
	s.Write("/etc/nginx/sites-enabled/default", site)
	s.Write("/etc/nginx/fastcgi_params", "")
	s.Write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n")
	s.Write("/var/log/nginx/error.log", "")
	s.Write("/var/log/nginx/access.log", `127.0.0.1 - - [28/Nov/2026:05:49:02 +0200] "GET / HTTP/1.1" 200 2 "-" "curl/7.88.1"`+"\n")
	s.Write("/proc/meminfo", "MemTotal:        2048000 kB\nMemFree:           90000 kB\nMemAvailable:    1500000 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n")
	s.process("1", "/sbin/init", "PPid:\t0\nUid:\t0\t0\t0\t0\n")
	s.process("1703", "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;", "PPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \nNSpid:\t1703\n")
	s.process("1704", "nginx: worker process\x00\x00\x00", "PPid:\t1703\nUid:\t33\t33\t33\t33\nGid:\t33\t33\t33\t33\nGroups:\t33 \nNSpid:\t1704\n")
	s.Write("/proc/1704/limits", "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 20000                files     \n")
	s.Write("/proc/1704/fd/0", "")
	s.Own("/run/php", fs.ModeDir|0o755, Root, Root)
	s.Own("/run/php/php8.2-fpm.sock", fs.ModeSocket|0o660, WWWData, WWWData)
	s.Own("/var/run", fs.ModeSymlink|0o777, Root, Root).Data = []byte("../run")
	return s
}

func (s *Server) process(pid, title, status string) {
	s.Write("/proc/"+pid+"/cmdline", title)
	s.Write("/proc/"+pid+"/status", status)
}

// Stop ends nginx.
func (s *Server) Stop() {
	for name := range s.Files {
		if strings.HasPrefix(name, "proc/170") {
			delete(s.Files, name)
		}
	}
}

// Write puts a file there.
func (s *Server) Write(name, text string) {
	s.Files[name[1:]] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
}

// Own puts something there that belongs to somebody.
func (s *Server) Own(name string, mode fs.FileMode, owner, group uint32) *fstest.MapFile {
	f := &fstest.MapFile{Mode: mode, Sys: &syscall.Stat_t{Uid: owner, Gid: group}}
	s.Files[name[1:]] = f
	return f
}

// Site is the config of the only site from now on.
func (s *Server) Site(text string) {
	s.Write("/etc/nginx/sites-enabled/default", text)
	delete(s.Says, "nginx -T")
}

// Machine is the server as it is looked at.
func (s *Server) Machine() live.Machine {
	return live.Machine{Files: s.Files, Run: s.run, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, UID: s.UID, Now: Now}
}

func (s *Server) run(ctx context.Context, program string, args ...string) (live.Output, error) {
	words := append([]string{program}, args...)
	for n := len(words); n > 0; n-- {
		command := strings.Join(words[:n], " ")
		if s.Hangs[command] {
			<-ctx.Done()
			return live.Output{}, ctx.Err()
		}
		if out, ok := s.Says[command]; ok {
			return out, nil
		}
	}
	return live.Output{}, errors.New("there is no such program")
}
