package backend

import (
	"cmp"
	"net"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// MariaDB is a database server, as Debian packages it. What it prints is its log. Each start finds new tables.
type MariaDB struct {
	Name   string // "database"
	Listen string // "10.0.0.7:3306"
	// Image is "wordpress" for one that has WordPress' tables, as its installation leaves them; empty is "mariadb", which has none.
	Image string
	// SQL are the statements that it carries out before it takes a client ("CREATE DATABASE shop"), each in a line.
	SQL []string
	// Options are options of its command line ("--max-connections=10").
	Options []string
}

const (
	mariadbMade = "/usr/lib/badgateway/mariadb" // the image made it once, which takes ten times as long as to copy it
	mariadbData = "/var/lib/mysql"
	mariadbRun  = "/run/mysqld" // where the client mariadb looks for its socket
)

// Upstream is the server as an upstream of a sandbox. It waits for its own time-outs in one call each, which a move of the clock does
// not shorten.
func (m MariaDB) Upstream() lab.Upstream {
	sql := "/etc/mariadb-" + m.Name + ".sql"
	host, port, _ := net.SplitHostPort(m.Listen) // what is no address has none that it could listen at
	server := append([]string{
		"mariadbd", "--no-defaults", "--user=root", "--datadir=" + mariadbData, "--socket=" + mariadbRun + "/mysqld.sock",
		"--bind-address=" + host, "--port=" + port, "--init-file=" + sql, "--skip-name-resolve",
		// What it takes of memory and disk by default is for more than a table or two.
		"--performance-schema=OFF", "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--key-buffer-size=1M", "--aria-pagecache-buffer-size=1M",
	}, m.Options...)
	anew := "rm -rf " + mariadbData + "/* && cp -r " + mariadbMade + "/. " + mariadbData + ` && exec "$@"`
	return lab.Upstream{Name: m.Name, Real: &lab.Backend{
		Image:   cmp.Or(m.Image, "mariadb"),
		Argv:    append([]string{"sh", "-c", anew, "sh"}, server...),
		Files:   []lab.File{{Path: sql, Data: strings.Join(m.SQL, ";\n") + ";\n"}},
		Folders: []lab.Folder{{Path: mariadbData}, {Path: mariadbRun}},
		Listen:  m.Listen,
		Log:     agentapi.OutputOf(m.Name),
	}}
}

// With is the same server with further options.
func (m MariaDB) With(options ...string) MariaDB {
	m.Options = append(append([]string(nil), m.Options...), options...)
	return m
}
