package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// maxSteps is how many groups are asked about to find the paths of one user.
const maxSteps = 200

// edges are who is directly in which groups, as far as somebody has asked.
type edges map[string][]GroupEntry // by the member's DN

// climb asks for everything above an entry, breadth first, until all of it is known
// or maxSteps were asked for. whole says that it is all.
func (e edges) climb(ctx context.Context, census Census, dn string) (whole bool, err error) {
	level := []string{dn}
	for asked := 0; len(level) > 0; {
		next := level[0]
		level = level[1:]
		if _, known := e[next]; known {
			continue
		}
		if asked++; asked > maxSteps {
			return false, nil
		}
		above, err := census.Above(ctx, next)
		if err != nil {
			return false, err
		}
		e[next] = above
		for _, g := range above {
			level = append(level, g.DN)
		}
	}
	return true, nil
}

// from returns the groups above an entry, each with the shortest path to it: the
// names of the groups on the way, the nearest first and its own last.
func (e edges) from(dn string) (groups []GroupEntry, paths map[string][]string) {
	paths = map[string][]string{}
	type step struct {
		dn   string
		path []string
	}
	for level := []step{{dn, nil}}; len(level) > 0; level = level[1:] {
		for _, g := range e[level[0].dn] {
			if _, seen := paths[g.DN]; seen {
				continue
			}
			path := append(slices.Clone(level[0].path), g.Name)
			paths[g.DN] = path
			groups = append(groups, g)
			level = append(level, step{g.DN, path})
		}
	}
	return groups, paths
}

// trace fills in by which groups a user is in the groups that he is in. Where the
// directory knows of a group that no membership leads to, such as the primary one of
// Active Directory, there is no path.
func (s *Standing) trace(ctx context.Context, census Census) error {
	e := edges{}
	whole, err := e.climb(ctx, census, s.DN)
	if err != nil {
		return err
	}
	_, paths := e.from(s.DN)
	for i := range s.Groups {
		s.Groups[i].Path = paths[s.Groups[i].DN]
		s.Groups[i].Unexplained = whole && s.Groups[i].Path == nil
	}
	return nil
}

// words tell a group and how the user came into it.
func (g Group) words() string {
	text := fmt.Sprintf("In the group %s (%s)", g.Name, g.DN)
	switch {
	case len(g.Path) > 1:
		text += ", through " + strings.Join(g.Path[:len(g.Path)-1], ", which is in ")
	case g.Unexplained:
		text += ", which no list of members leads to: a primary group, or one that the directory computes"
	}
	return text + "."
}

// Meaning is a member of a role as the directory has it.
type Meaning struct {
	Member
	// Groups are those that a group's name means; none: there is no such group.
	Groups []GroupEntry `json:"groups,omitempty"`
}

// meanings looks up what the groups among members are.
func meanings(ctx context.Context, census Census, members []Member) ([]Meaning, error) {
	var out []Meaning
	for _, m := range members {
		one := Meaning{Member: m}
		if m.Group != "" {
			var err error
			if one.Groups, err = census.Find(ctx, m.Group); err != nil {
				return nil, err
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// joins tells, a sentence for each group, what would let a user in.
func (w Way) joins(login string) []string {
	var out []string
	for _, m := range w.Meanings {
		for _, g := range m.Groups {
			out = append(out, fmt.Sprintf("To allow it: make %s a member of %s.", login, g.DN))
		}
		if m.Group != "" && len(m.Groups) == 0 {
			out = append(out, fmt.Sprintf("The directory has no group %s.", m.Group))
		}
	}
	return out
}

// proposal is a grant that would allow what is asked for, to a role of the user or,
// when he has none, to one yet to be named.
func (e *Explanation) proposal() string {
	role := "…"
	if e.Standing != nil && len(e.Standing.Roles) > 0 {
		role = e.Standing.Roles[0].Role
	}
	return fmt.Sprintf("{role: %s, may: %s, on: %s}", role, e.Verb, e.On)
}
