//go:build linux

package agent

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
)

// tunnel carries one TCP connection from outside to an address in a cell.
func (a *Agent) tunnel(stream net.Conn) {
	defer stream.Close()
	in := bufio.NewReader(stream)
	line, err := in.ReadString('\n')
	if err != nil {
		return
	}
	id, to, _ := strings.Cut(strings.TrimSpace(line), " ")
	c, err := a.cell(id)
	if err != nil {
		fmt.Fprintln(stream, err)
		return
	}
	var conn net.Conn
	if err := c.online(func() (err error) {
		conn, err = ours.Dial("tcp", to)
		return err
	}); err != nil {
		fmt.Fprintf(stream, "%s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(stream); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		io.Copy(conn, in)
		conn.(*net.TCPConn).CloseWrite()
		close(done)
	}()
	io.Copy(stream, conn)
	stream.Close()
	<-done
}
