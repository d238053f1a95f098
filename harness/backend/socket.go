package backend

import (
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// socketFolder is the private folder that a server needs for its unix socket, which the gateway sees too; none where it listens at an
// address.
func socketFolder(listen string) []lab.Folder {
	if socket, ok := strings.CutPrefix(listen, "unix:"); ok {
		return []lab.Folder{{Path: path.Dir(socket)}}
	}
	return nil
}
