package scenarios

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
)

// Tries are judged only where the config logs them, so every config of the catalogue has to.
func TestEveryConfigLogsItsTries(t *testing.T) {
	for _, s := range All() {
		for _, f := range s.Gateway.Files {
			if f.Path == nginx.Driver.Conf && !strings.Contains(f.Data, "include snippets/upstream-log.conf;") {
				t.Errorf("the config of %s lacks include snippets/upstream-log.conf;", s.ID)
			}
		}
	}
}
