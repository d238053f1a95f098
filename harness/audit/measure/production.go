package measure

import (
	"context"
	"errors"
	"sort"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// asInProduction makes sandboxes in which an image runs as it does in production: as its user, in its folder, with its
// environment, started by what its own start runs.
func (s *session) asInProduction(ctx context.Context) error {
	if s.o.Image == "" {
		return nil
	}
	start, err := s.lab.Production(ctx)
	if err != nil {
		return err
	}
	as := provision.Identity{User: start.User, Dir: start.Dir}
	for name, value := range s.o.Env {
		as.Env = append(as.Env, name+"="+value)
	}
	sort.Strings(as.Env)
	s.runAs(as)
	s.tree.StartsBy(start.Argv, start.Env)
	if !s.tree.Rehearses() {
		return nil
	}
	s.o.Logger.Info("running the image's own start, as far as to nginx")
	w, err := s.lab.Open(ctx, lab.Setup{CatchAll: &s.world})
	if err != nil {
		return refusedUser(err)
	}
	defer func() { _ = w.Close() }() // the lab ends it at the latest
	if as, err = s.tree.Rehearse(ctx, w, as); err != nil {
		return err
	}
	s.runAs(as)
	return nil
}

func (s *session) runAs(as provision.Identity) {
	s.world.User, s.world.Dir, s.world.Env = as.User, as.Dir, as.Env
}

// refusedUser makes a refusal of the error that the image names a user whom it does not have: no engine would start it.
func refusedUser(err error) error {
	var why *agentapi.Error
	if !errors.Is(err, agentapi.ErrNoUser) || !errors.As(err, &why) {
		return err
	}
	return &provision.Refused{Refusal: audit.Refusal{
		Kind: "start", Message: why.Message, Remedy: "name one that its /etc/passwd has, or a number",
	}}
}
