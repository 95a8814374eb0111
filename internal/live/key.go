package live

import "github.com/gatehouse/gatehouse/internal/view"

// Key reads the key of a row of a view as it was noted.
func Key(v *view.View, noted string) ([]view.Value, error) { return keyOf(v, noted) }
