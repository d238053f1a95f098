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
		return
	}
	var conn net.Conn
	if err := c.online(func() (err error) {
		conn, err = ours.Dial("tcp", to)
		return err
	}); err != nil {
		fmt.Fprintf(stream, "HTTP/1.0 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\n"+
			"badgateway: the lab's gateway does not take the connection: %v\n", err)
		return
	}
	defer conn.Close()
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
