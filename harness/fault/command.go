package fault

import (
	"context"
	"fmt"
	"strings"
)

// Command is a step: somebody runs a program, as root, on the machine of a real upstream, and that does what he wants.
type Command struct {
	Upstream string
	Line     string // "php /var/www/index.php": words with spaces between them, of no shell
	Prints   string // what it has to print, and nothing else but space
}

// Inject runs it. One that ends with another code than 0, or prints something else, is an error. There is nothing to undo.
func (f Command) Inject(ctx context.Context, t Target) (Undo, error) {
	printed, err := t.RunBeside(ctx, f.Upstream, strings.Fields(f.Line)...)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(printed) != f.Prints {
		return nil, fmt.Errorf("%s prints %q, not %q", f.Line, printed, f.Prints)
	}
	return nil, nil
}

func (f Command) String() string { return fmt.Sprintf("%s prints %s", f.Line, f.Prints) }
