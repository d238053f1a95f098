//go:build linux

package live_test

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/badgateway/badgateway/harness/live"
	"github.com/badgateway/badgateway/harness/live/livetest"
)

func look(s *livetest.Server) *live.Findings {
	return live.Look(context.Background(), s.Machine(), livetest.Now.Add(-time.Hour))
}

// states are what stands wrong, each with what shows it.
func states(f *live.Findings) (all []string) {
	for _, l := range f.State {
		all = append(all, l.File+": "+l.Text)
	}
	return all
}

func TestLook_FindsWhatStandsWrong(t *testing.T) {
	t.Parallel()
	const fpm = "fastcgi_pass at /etc/nginx/sites-enabled/default:3"
	for _, c := range []struct {
		name  string
		wreck func(*livetest.Server)
		want  []string
	}{
		{"nothing", func(*livetest.Server) {}, nil},
		{"nobody listens", func(s *livetest.Server) {
			s.Says["ss -Hltn"] = live.Output{Stdout: "LISTEN 0 511 [::1]:3000 [::]:*\nLISTEN 0 511 192.0.2.1:3001 0.0.0.0:*\n"}
		}, []string{
			"ss: nobody listens on 127.0.0.1:3000, which proxy_pass at /etc/nginx/sites-enabled/default:5 calls",
			"ss: nobody listens on localhost:3001, which proxy_pass at /etc/nginx/sites-enabled/default:6 calls",
		}},
		{"nobody listens, and ss is not there", func(s *livetest.Server) {
			delete(s.Says, "ss -Hltn")
			delete(s.Says, "ss -Hlxn")
			s.Write("/proc/net/tcp", "  sl  local_address rem_address   st\n   0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n   1: 0100007F:0BB8 0100007F:C0E0 01 00000000:00000000\n")
			s.Write("/proc/net/tcp6", "  sl  local_address rem_address   st\n   0: 00000000000000000000000000000000:0BB9 00000000000000000000000000000000:0000 0A 00000000:00000000\n")
			s.Write("/proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 800300 /run/php/php8.2-fpm.sock\n")
		}, []string{"/proc/net: nobody listens on 127.0.0.1:3000, which proxy_pass at /etc/nginx/sites-enabled/default:5 calls"}},
		{"the queue of a port is full", func(s *livetest.Server) {
			s.Says["ss -Hltn"] = live.Output{Stdout: "LISTEN 6 5 127.0.0.1:3000 0.0.0.0:*\nLISTEN 0 511 *:3001 *:*\n"}
		}, []string{"ss: the listen queue of 127.0.0.1:3000 is full: 6 connections wait of 5; proxy_pass at /etc/nginx/sites-enabled/default:5 calls it"}},
		{"the socket's server is gone", func(s *livetest.Server) {
			s.Says["ss -Hlxn"] = live.Output{Stdout: "u_str LISTEN 0 4096 /run/dbus/system_bus_socket 800300 * 0\n"}
			s.Site("server { listen 8080;\n\n location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }")
		}, []string{"ss: nobody listens on the unix socket /run/php/php8.2-fpm.sock, which " + fpm + " calls"}},
		{"the queue of a socket is full", func(s *livetest.Server) {
			s.Says["ss -Hlxn"] = live.Output{Stdout: "u_str LISTEN 512 511 /run/php/php8.2-fpm.sock 1091449 * 0\n"}
			s.Site("server { listen 8080;\n\n location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }")
		}, []string{"ss: the listen queue of the unix socket /run/php/php8.2-fpm.sock is full: 512 connections wait of 511; " + fpm + " calls it"}},
		{"by another name the socket is listened on", func(s *livetest.Server) {
			s.Site("server { listen 8080; location / { fastcgi_pass unix:/var/run/php/php8.2-fpm.sock; } }")
		}, nil},
		{"another version's socket", func(s *livetest.Server) {
			s.Site("server { listen 8080;\n\n location / { fastcgi_pass unix:/run/php/php8.1-fpm.sock; } }")
		}, []string{"ls: there is no socket /run/php/php8.1-fpm.sock, which " + fpm + " calls; its folder has php8.2-fpm.sock"}},
		{"the worker may not write", func(s *livetest.Server) {
			s.Own("/run/php/php8.2-fpm.sock", fs.ModeSocket|0o660, livetest.Root, livetest.Root)
			s.Site("server { listen 8080;\n\n location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }")
		}, []string{"ls: nginx (www-data) may not write to /run/php/php8.2-fpm.sock, which " + fpm + " needs: srw-rw----, of root, group 0"}},
		{"the worker may not enter", func(s *livetest.Server) {
			s.Own("/run/php", fs.ModeDir|0o700, livetest.Root, livetest.WWWData)
			s.Site("server { listen 8080;\n\n location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }")
		}, []string{"ls: nginx (www-data) may not enter /run/php, which " + fpm + " needs: drwx------, of root, group 33"}},
		{"the worker's own class counts, though others may more", func(s *livetest.Server) {
			s.Own("/run/php/php8.2-fpm.sock", fs.ModeSocket|0o606, livetest.Root, livetest.WWWData)
			s.Site("server { listen 8080;\n\n location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }")
		}, []string{"ls: nginx (www-data) may not write to /run/php/php8.2-fpm.sock, which " + fpm + " needs: srw----rw-, of root, group 33"}},
		{"a name has no address", func(s *livetest.Server) {
			s.Says["getent ahosts"] = live.Output{Code: 2}
			s.Site("server { listen 8080; location / { proxy_pass http://app.internal; }\n location /late { set $b late.internal; proxy_pass http://$b; } }")
		}, []string{
			"getent: no address is found for app.internal, which proxy_pass at /etc/nginx/sites-enabled/default:1 calls",
			"getent: as requests come, no address is found for late.internal, which proxy_pass at /etc/nginx/sites-enabled/default:2 calls",
		}},
		{"a disk is full that nginx writes to", func(s *livetest.Server) {
			s.Says["df -Pkl"] = live.Output{Stdout: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 264212084 18867252 76634012 20% /\n/dev/vdb 1024 1024 0 100% /var/lib/nginx\n/dev/loop0 65536 65536 0 100% /snap/core/1\n", Code: 1}
			s.Own("/var/lib/nginx/proxy", fs.ModeDir|0o700, livetest.WWWData, livetest.Root)
		}, []string{"df: the file system /var/lib/nginx is full, and proxy_temp_path /var/lib/nginx/proxy is on it: 100% of it is used, and 0 kB are free"}},
		{"no inode is left", func(s *livetest.Server) {
			s.Says["df -Pil"] = live.Output{Stdout: "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/vda1 1000 1000 0 100% /\n"}
		}, []string{"df: the file system / has no inode left, and the log /var/log/nginx/error.log is on it: 100% of them are used, and 0 are free"}},
		{"memory is short", func(s *livetest.Server) {
			s.Write("/proc/meminfo", "MemTotal: 2048000 kB\nMemAvailable: 40960 kB\nSwapTotal: 1024000 kB\nSwapFree: 0 kB\n")
		}, []string{"/proc/meminfo: memory is short: 40 MB of 2000 MB are available, and 0 MB of 1000 MB of swap are free"}},
		{"the table of connections is full", func(s *livetest.Server) {
			s.Write("/proc/sys/net/netfilter/nf_conntrack_count", "65536\n")
			s.Write("/proc/sys/net/netfilter/nf_conntrack_max", "65536\n")
		}, []string{"/proc/sys/net/netfilter: nf_conntrack: table full or nearly so: 65536 connections of 65536"}},
		{"a worker has no file left", func(s *livetest.Server) {
			s.Write("/proc/1704/limits", "Max open files            1                 20000                files     \n")
		}, []string{"/proc/1704/fd: nginx's worker has too many open files: 1 of 1"}},
		{"units that do not run", func(s *livetest.Server) {
			s.Says["systemctl show"] = live.Output{Stdout: `Result=oom-kill
NRestarts=0
ExecMainStatus=9
ExecStart={ path=/usr/sbin/php-fpm8.2 ; argv[]=/usr/sbin/php-fpm8.2 --nodaemonize }
Id=php8.2-fpm.service
LoadState=loaded
ActiveState=failed
SubState=failed

Result=exit-code
NRestarts=5
ExecMainStatus=203
ExecStart={ path=/usr/bin/gunicorn ; argv[]=/usr/bin/gunicorn app:app }
Id=shop.service
LoadState=loaded
ActiveState=failed
SubState=failed

Result=exit-code
NRestarts=0
ExecMainStatus=1
ExecStart={ path=/usr/bin/certbot ; argv[]=/usr/bin/certbot renew }
Id=certbot.service
LoadState=loaded
ActiveState=failed
SubState=failed

Result=success
NRestarts=0
ExecMainStatus=0
Id=mariadb.service
LoadState=loaded
ActiveState=inactive
SubState=dead
UnitFileState=enabled

Result=success
Id=redis.service
LoadState=not-found
ActiveState=inactive
SubState=dead
`}
		}, []string{
			"systemctl: php8.2-fpm.service: Failed with result 'oom-kill', status=9/; it is failed now (failed)",
			"systemctl: shop.service: Failed with result 'exit-code', status=203/; it is failed now (failed), restarted 5 times",
			"systemctl: certbot.service is one that failed ('exit-code', status=1/)",
			"systemctl: mariadb.service does not run, though it is enabled",
		}},
		{"nginx does not run", func(s *livetest.Server) { s.Stop() }, []string{"ps: nginx does not run, and its config is there: /etc/nginx/nginx.conf"}},
		{"the config breaks off", func(s *livetest.Server) { s.Site("server {\n listen 8080;\n") }, []string{
			`nginx's config: the config can't be read: etc/nginx/sites-enabled/default:1: the block "server" that begins here has no closing "}"`,
		}},
	} {
		s := livetest.New()
		c.wreck(s)
		if got := states(look(s)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// What another user calls himself is not believed, and a container's nginx has another's files.
func TestLook_TakesOnlyItsOwnNginx(t *testing.T) {
	t.Parallel()
	s := livetest.New()
	s.Stop()
	for pid, status := range map[string]string{"44": "Uid:\t1000\t1000\t1000\t1000\nNSpid:\t44\n", "45": "Uid:\t0\t0\t0\t0\nNSpid:\t45\t1\n"} {
		s.Write("/proc/"+pid+"/cmdline", "nginx: master process nginx -c /tmp/evil.conf")
		s.Write("/proc/"+pid+"/status", status)
	}
	var asked atomic.Bool
	m := s.Machine()
	run := m.Run
	m.Run = func(ctx context.Context, program string, args ...string) (live.Output, error) {
		if program == "nginx" && !slices.Equal(args, []string{"-V"}) {
			asked.Store(true)
		}
		return run(ctx, program, args...)
	}
	f := live.Look(context.Background(), m, livetest.Now)
	if asked.Load() || !slices.Contains(states(f), "ps: nginx does not run, and its config is there: /etc/nginx/nginx.conf") {
		t.Errorf("another's nginx was taken for this server's: %v", states(f))
	}
	if !slices.ContainsFunc(f.Unread, func(u string) bool { return strings.HasPrefix(u, "nginx in containers (1 of them)") }) {
		t.Errorf("the nginx in a container is not told of: %q", f.Unread)
	}
}

func TestLook_SaysWhatIsNotRead(t *testing.T) {
	t.Parallel()
	s := livetest.New()
	s.UID = 1000
	s.Says["dmesg"] = live.Output{Stderr: "dmesg: read kernel buffer failed: Operation not permitted\n", Code: 1}
	s.Says["journalctl"] = live.Output{Stderr: "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', 'systemd-journal' can see all messages.\nNo journal files were opened due to insufficient permissions.\n"}
	s.Says["systemctl show"] = live.Output{Stderr: "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n", Code: 1}
	delete(s.Says, "df -Pil")
	delete(s.Files, "proc/1704/fd/0")
	s.Own("/var/log/nginx/error.log", fs.ModeSymlink|0o777, 0, 0).Data = []byte("/dev/stderr")
	s.Own("/var/log/nginx/access.log", fs.ModeNamedPipe|0o644, 0, 0)
	s.Write("/var/log/php8.2-fpm.log", "")
	m := s.Machine()
	m.Files = denied{s.Files, "var/log/php8.2-fpm.log"}
	f := live.Look(context.Background(), m, livetest.Now)
	want := []string{
		"upstreams on other machines (192.0.2.7:80): run this there too",
		"df -Pil: there is no such program",
		"the open files of nginx's worker: it is not there",
		"systemctl: System has not been booted with systemd as init system (PID 1). Can't operate. Failed to connect to bus: Host is down",
		"journalctl -p 5..7: Hint: You are currently not seeing messages from other users and the system.",
		"dmesg: read kernel buffer failed: Operation not permitted",
		"/var/log/nginx/error.log: it leads to /dev/stderr, what the process prints (docker logs, kubectl logs or the journal has it)",
		"/var/log/nginx/access.log: it is no file",
		"/var/log/php8.2-fpm.log: permission denied: root may read it",
	}
	if !slices.Equal(f.Unread, want) || len(f.State) > 0 {
		t.Errorf("not read are\n%s\nwant\n%s\nand it says %v", strings.Join(f.Unread, "\n"), strings.Join(want, "\n"), states(f))
	}
	if !slices.Contains(f.Looked, "nginx's config /etc/nginx/nginx.conf (its files; files: 3, upstreams: 5)") {
		t.Errorf("the config is not read from its files: %q", f.Looked)
	}
}

// What the config includes and may not be read is said, and the config itself once.
func TestLook_SaysWhatOfTheConfigIsNotRead(t *testing.T) {
	for name, want := range map[string]string{
		"etc/nginx/sites-enabled/default": "/etc/nginx/sites-enabled/default: permission denied: root may read it",
		"etc/nginx/nginx.conf":            "nginx's config /etc/nginx/nginx.conf: permission denied: root may read it",
	} {
		s := livetest.New()
		s.UID = 1000
		m := s.Machine()
		m.Files = denied{s.Files, name}
		var said []string
		for _, u := range live.Look(context.Background(), m, livetest.Now).Unread {
			if strings.Contains(u, name) {
				said = append(said, u)
			}
		}
		if !slices.Equal(said, []string{want}) {
			t.Errorf("%s: %q, want %q", name, said, want)
		}
	}
}

// denied are files of which one may not be read.
type denied struct {
	fs.FS
	name string
}

func (d denied) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
}

func (d denied) ReadLink(name string) (string, error)   { return fs.ReadLink(d.FS, name) }
func (d denied) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(d.FS, name) }

// A program that hangs, and a disk that does, cost what they would have told.
func TestLook_IsNotHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := livetest.New()
		s.Hangs["df -Pkl"], s.Hangs["getent ahosts -- localhost"] = true, true
		m := s.Machine()
		run, forever := m.Run, make(chan struct{})
		m.Run = func(ctx context.Context, program string, args ...string) (live.Output, error) {
			if program == "systemctl" { // in the kernel: no signal ends it
				<-forever
			}
			return run(ctx, program, args...)
		}
		begun := time.Now()
		f := live.Look(context.Background(), m, livetest.Now)
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		for _, want := range []string{"df -Pkl: no answer within 10s", "systemctl: no answer within 10s"} {
			if !slices.Contains(f.Unread, want) {
				t.Errorf("%q is not told: %q", want, f.Unread)
			}
		}
		if got := states(f); len(got) != 1 || got[0] != "getent: the lookup of localhost does not end; proxy_pass at /etc/nginx/sites-enabled/default:6 calls it" {
			t.Errorf("it says %q", got)
		}
		close(forever)
	})
}

// Whatever programs print, and /proc holds, a server is looked at to the end.
func FuzzLook(f *testing.F) {
	s := livetest.New()
	for _, out := range s.Says {
		f.Add(out.Stdout + out.Stderr)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := livetest.New()
		for name := range s.Says {
			s.Says[name] = live.Output{Stdout: text, Stderr: text}
		}
		for _, name := range []string{"proc/meminfo", "proc/net/tcp", "proc/1704/limits", "proc/1704/status", "proc/1703/cmdline", "etc/nginx/sites-enabled/default"} {
			s.Write("/"+name, text)
		}
		if l := look(s); len(l.Looked) == 0 {
			t.Errorf("nothing was looked at: %q", l.Unread)
		}
	})
}
