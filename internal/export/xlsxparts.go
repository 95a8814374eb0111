package export

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	xmlHead        = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	sheetNamespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	docNamespace   = "http://schemas.openxmlformats.org/officeDocument/2006/"
	packNamespace  = "http://schemas.openxmlformats.org/package/2006/"
)

// The styles of cells, by their place in the workbook; those of decimals follow, by scale.
const (
	styleNone = iota
	styleHeader
	styleText
	styleWhole
	styleDate
	styleMoment
	styleMomentMillis
	styleTime
	styleTimeMillis
)

// customFormat is the first number of a format that is not built in.
const customFormat = 164

// writeStyles writes the formats of cells: those of all types, and one for each scale that
// the decimals have.
func (x *xlsxWriter) writeStyles() error {
	formats := []string{"yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss.000", "hh:mm:ss", "hh:mm:ss.000"}
	x.styles = map[int]int{}
	for i := range x.t.Columns {
		scale := x.t.Columns[i].Type.Scale
		if _, known := x.styles[scale]; !known {
			x.styles[scale] = styleDate + len(formats)
			format := "0"
			if scale > 0 {
				format += "." + strings.Repeat("0", min(scale, 30))
			}
			formats = append(formats, format)
		}
	}
	var numbers, cells strings.Builder
	for i, f := range formats {
		fmt.Fprintf(&numbers, `<numFmt numFmtId="%d" formatCode="%s"/>`, customFormat+i, f)
		fmt.Fprintf(&cells, `<xf numFmtId="%d" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`, customFormat+i)
	}
	return x.part("xl/styles.xml", fmt.Sprintf(`<styleSheet xmlns="%s"><numFmts count="%d">%s</numFmts>`+
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>`+
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>`+
		`<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>`+
		`<cellXfs count="%d"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>`+
		`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="1" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>%s</cellXfs>`+
		`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`,
		sheetNamespace, len(formats), numbers.String(), styleDate+len(formats), cells.String()))
}

func (x *xlsxWriter) part(name, content string) error {
	w, err := x.zip.Create(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xmlHead+content)
	return err
}

// writeParts writes what ties the sheets together, and what the workbook is of.
func (x *xlsxWriter) writeParts() error {
	var sheets, relations, types, custom strings.Builder
	for i := 1; i <= x.sheets; i++ {
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, attribute(sheetName(x.t.Name, i)), i, i)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%srelationships/worksheet" Target="worksheets/sheet%d.xml"/>`, i, docNamespace, i)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, i)
	}
	fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%srelationships/styles" Target="styles.xml"/>`, x.sheets+1, docNamespace)
	var said []string
	for i, p := range x.head.Properties() {
		fmt.Fprintf(&custom, `<property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="%d" name="%s"><vt:lpwstr>%s</vt:lpwstr></property>`, i+2, attribute(p[0]), appendCellText(nil, p[1]))
		said = append(said, p[0]+": "+p[1])
	}
	for _, p := range []struct{ name, content string }{
		{"xl/workbook.xml", `<workbook xmlns="` + sheetNamespace + `" xmlns:r="` + docNamespace + `relationships"><sheets>` + sheets.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + packNamespace + `relationships">` + relations.String() + `</Relationships>`},
		{"docProps/core.xml", `<cp:coreProperties xmlns:cp="` + packNamespace + `metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` +
			`<dc:title>` + string(appendCellText(nil, x.head.View)) + `</dc:title><dc:creator>gatehouse</dc:creator><dc:description>` + string(appendCellText(nil, strings.Join(said, "\n"))) + `</dc:description>` +
			`<dcterms:created xsi:type="dcterms:W3CDTF">` + x.head.At.UTC().Format(time.RFC3339) + `</dcterms:created></cp:coreProperties>`},
		{"docProps/custom.xml", `<Properties xmlns="` + docNamespace + `custom-properties" xmlns:vt="` + docNamespace + `docPropsVTypes">` + custom.String() + `</Properties>`},
		{"_rels/.rels", `<Relationships xmlns="` + packNamespace + `relationships"><Relationship Id="rId1" Type="` + docNamespace + `relationships/officeDocument" Target="xl/workbook.xml"/>` +
			`<Relationship Id="rId2" Type="` + packNamespace + `relationships/metadata/core-properties" Target="docProps/core.xml"/><Relationship Id="rId3" Type="` + docNamespace + `relationships/custom-properties" Target="docProps/custom.xml"/></Relationships>`},
		{"[Content_Types].xml", `<Types xmlns="` + packNamespace + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` + types.String() +
			`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
			`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/><Override PartName="/docProps/custom.xml" ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/></Types>`},
	} {
		if err := x.part(p.name, p.content); err != nil {
			return err
		}
	}
	return nil
}

// sheetName is a name that a sheet can have: 31 characters, and some none of them.
func sheetName(name string, number int) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) {
			return '_'
		}
		return r
	}, Valid(name)), "'")
	suffix := ""
	if number > 1 {
		suffix = " (" + strconv.Itoa(number) + ")"
	}
	for utf8.RuneCountInString(name)+len(suffix) > 31 {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name + suffix
}

func attribute(s string) string {
	return strings.ReplaceAll(string(appendCellText(nil, s)), `"`, "&quot;")
}

// appendCellText writes a text into XML. What XML cannot have is written _xHHHH_, and so is
// the underscore of what would be read as that (ECMA-376-1 §22.9.2.19, ST_Xstring).
func appendCellText(out []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	escape := func(out []byte, r rune) []byte {
		return append(out, '_', 'x', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15], '_')
	}
	for i, r := range s {
		switch {
		case r == '&':
			out = append(out, "&amp;"...)
		case r == '<':
			out = append(out, "&lt;"...)
		case r == '>':
			out = append(out, "&gt;"...)
		case r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF:
			out = escape(out, r)
		case r == '_' && escaped(s[i:]):
			out = escape(out, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// escaped reports whether a text begins like _x000D_.
func escaped(s string) bool {
	if len(s) < 7 || s[1] != 'x' || s[6] != '_' {
		return false
	}
	_, err := strconv.ParseUint(s[2:6], 16, 16)
	return err == nil
}
