package gateway

import "context"

// Census is what else can be asked of a directory: about its groups and who is in
// them. It is for explaining, checking and reviewing access, and takes no part in
// deciding it. It is safe for concurrent use. A directory that cannot answer is
// fault.Unavailable.
type Census interface {
	// Find returns the groups that a member's Group means: by distinguished name, by
	// short name, or by security identifier. None: there is no such group.
	Find(ctx context.Context, group string) ([]GroupEntry, error)
	// Above returns the groups that an entry, a user's or a group's, is directly a
	// member of, by its distinguished name.
	Above(ctx context.Context, dn string) ([]GroupEntry, error)
	// Below returns the entries that are members of a group, through others too, which
	// are no groups themselves: their distinguished names, at most limit of them. cut
	// says that there are more.
	Below(ctx context.Context, dn string, limit int) (people []string, cut bool, err error)
	// Place says which directory is asked and below which base groups are looked for.
	Place() string
}

// GroupEntry is a group as the directory has it.
type GroupEntry struct {
	DN   string `json:"dn"` // normalised
	Name string `json:"name"`
	SID  string `json:"sid,omitempty"` // of Active Directory
}
