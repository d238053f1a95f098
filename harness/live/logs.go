package live

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// usual are where other gateways and what stands behind one log on Debian, Red Hat and their like.
var usual = []string{
	"var/log/php*-fpm.log", "var/log/php-fpm/*.log", "var/log/apache2/error.log", "var/log/httpd/error_log", "var/log/haproxy.log", "var/log/caddy/*.log",
	"var/log/gunicorn/*.log", "var/log/uwsgi/*.log", "var/log/uwsgi/app/*.log", "var/log/mysql/error.log", "var/log/mysql/error.err", "var/log/mariadb/mariadb.log",
	"var/log/postgresql/*.log", "var/log/redis/*.log",
}

// logs reads the ends of nginx's logs, and of those that are where they usually are.
func (m Machine) logs(f *Findings, g *gateway) {
	names := slices.Clone(g.logs)
	for _, pattern := range usual {
		found, _ := fs.Glob(m.Files, pattern)
		for _, name := range found {
			if !slices.Contains(names, "/"+name) {
				names = append(names, "/"+name)
			}
		}
	}
	for _, name := range names[min(len(names), logsMost):] {
		f.Unread = append(f.Unread, name+": there are more logs than this reads")
	}
	for _, name := range names[:min(len(names), logsMost)] {
		text, whole, err := m.tail(name)
		if err != nil {
			f.unread(name, err)
			continue
		}
		how := ""
		if !whole {
			how = ", its last 8 MiB"
		}
		f.looked("%s%s", name, how)
		f.log(name, string(text), whole)
	}
}

// tail is the end of a log, from the beginning of a line on.
func (m Machine) tail(name string) (text []byte, whole bool, err error) {
	if real := m.real(name); strings.HasPrefix(real, "/dev/") || strings.HasPrefix(real, "/proc/") {
		return nil, false, errors.New("it leads to " + real + ", what the process prints (docker logs, kubectl logs or the journal has it)")
	}
	file, err := regular(m.Files, inRoot(name))
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, false, err
	}
	skip := info.Size() - tailMost
	if skip > 0 {
		at, ok := file.(io.Seeker)
		if !ok {
			return nil, false, errors.New("it is too large to be read from its beginning")
		}
		if _, err := at.Seek(skip, io.SeekStart); err != nil {
			return nil, false, err
		}
	}
	if text, err = io.ReadAll(io.LimitReader(file, tailMost)); err != nil {
		return nil, false, err
	}
	if skip > 0 {
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return text, skip <= 0, nil
}
