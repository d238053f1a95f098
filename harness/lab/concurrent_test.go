package lab

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// What is logged while an exchange is under way is taken for its own, so there is one at a time.
func TestSandbox_OneExchangeAtATime(t *testing.T) {
	t.Parallel()
	c := (&Lab{}).newSandbox(Setup{}, &Program{})
	catchAll := (&Lab{}).newSandbox(Setup{CatchAll: &CatchAll{}}, &Program{})
	catchAll.exchange.Lock()
	defer catchAll.exchange.Unlock()
	c.exchange.Lock()
	defer c.exchange.Unlock()
	_, plain := c.Do(context.Background(), Request{})
	_, slow := c.Do(context.Background(), Request{}, Within(WaitWindow{}))
	_, probe := catchAll.Probe(context.Background(), ProbeSpec{})
	for name, err := range map[string]error{"Do": plain, "Do within": slow, "Probe": probe} {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("%s beside another exchange: %v", name, err)
		}
	}
}

func TestSandbox_EveryClientHasAnAddressOfItsOwn(t *testing.T) {
	t.Parallel()
	c := (&Lab{}).newSandbox(Setup{}, &Program{})
	var all sync.Map
	var wg sync.WaitGroup
	for range 200 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, from := c.nextClient()
			if _, twice := all.LoadOrStore(from, true); twice {
				t.Errorf("two clients ask from %s", from)
			}
			c.Note("test", "%s", from)
		}()
	}
	wg.Wait()
	if n := len(c.Transcript()); n != 200 {
		t.Errorf("%d events, not 200", n)
	}
}
