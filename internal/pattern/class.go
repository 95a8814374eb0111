package pattern

import (
	"sync"
	"unicode"
)

// The classes that a letter behind a backslash names (XSD 1.0 part 2 §F.1.1).
// They are made when first asked for: some take thousands of intervals.
var (
	digits    = sync.OnceValue(func() set { return tableSet(unicode.Nd) })
	wordChars = sync.OnceValue(func() set {
		return tableSet(unicode.P, unicode.Z, unicode.C).union(unassigned()).not()
	})
	blanks     = setOf(" \t\n\r")
	lineEnds   = setOf("\n\r")
	startChars = sync.OnceValue(func() set { return nameStart.normal().union(setOf("_:")) })
	nameChars  = sync.OnceValue(func() set { return startChars().union(nameRest.normal()).union(tableSet(unicode.Nd).and(nameDigits)) })
	unassigned = sync.OnceValue(func() set {
		return tableSet(unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C).not()
	})
)

// The characters that names begin and go on with, as far as the editions of XML
// 1.0 agree on them in the scripts that contracts are written in: what is made
// of them is a name for every reader.
var (
	nameStart = set{{'A', 'Z'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0xFF}, {0x100, 0x131}, {0x134, 0x13E},
		{0x141, 0x148}, {0x14A, 0x17E}, {0x388, 0x38A}, {0x38E, 0x3A1}, {0x3A3, 0x3CE}, {0x410, 0x44F}, {0x5D0, 0x5EA},
		{0x621, 0x63A}, {0x641, 0x64A}, {0x905, 0x939}, {0x3041, 0x3094}, {0x30A1, 0x30FA}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}}
	nameRest   = set{{'-', '.'}, {'0', '9'}, {0xB7, 0xB7}}
	nameDigits = set{{0, 0xFFFF}}
)

// settled are characters that have been what they are since Unicode 3.1, which
// XSD 1.0 refers to: later ones are letters to one reader and nothing to another,
// and so are Chinese and Hangul, of which libxml2 knows the first and the last.
var settled = set{{'\t', '\n'}, {' ', '~'}, {0xA1, 0x131}, {0x134, 0x17E}, {0x391, 0x3A1}, {0x3A3, 0x3CE}, {0x410, 0x44F}, {0x5D0, 0x5EA},
	{0x621, 0x63A}, {0x660, 0x669}, {0x905, 0x939}, {0x966, 0x96F}, {0x2010, 0x2027}, {0x20A0, 0x20AB}, {0x2190, 0x21EA}, {0x2200, 0x22F1},
	{0x2500, 0x2570}, {0x3041, 0x3094}, {0x30A1, 0x30FA}, {0x10330, 0x1034A}, {0x1D400, 0x1D454}}

// nameStartChars is NameStartChar of XML 1.0, fifth edition (§2.3).
var nameStartChars = set{
	{':', ':'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D},
	{0x37F, 0x1FFF}, {0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF},
	{0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

// nameClass returns the class of \i, \c, \I or \C as that edition has them.
func nameClass(c rune) (set, bool) {
	chars := nameStartChars
	if c == 'c' || c == 'C' {
		chars = chars.union(set{{'-', '.'}, {'0', '9'}, {0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040}})
	}
	switch c {
	case 'i', 'c':
		return chars, true
	case 'I', 'C':
		return chars.not(), true
	}
	return nil, false
}

// escapeClass returns the class of a multi-character escape.
func escapeClass(c rune) (set, bool) {
	switch c {
	case 'd':
		return digits(), true
	case 'D':
		return digits().not(), true
	case 's':
		return blanks, true
	case 'S':
		return blanks.not(), true
	case 'w':
		return wordChars(), true
	case 'W':
		return wordChars().not(), true
	case 'i':
		return startChars(), true
	case 'I':
		return startChars().not(), true
	case 'c':
		return nameChars(), true
	case 'C':
		return nameChars().not(), true
	}
	return nil, false
}

// property returns the class of \p{name}: a general category or a block.
func property(name string) (set, bool) {
	if name == "Cn" {
		return unassigned(), true
	}
	if name == "C" {
		return tableSet(unicode.C).union(unassigned()), true
	}
	if t, ok := unicode.Categories[name]; ok && len(name) <= 2 && name != "LC" && name != "Cs" {
		return tableSet(t), true
	}
	if len(name) > 2 && name[:2] == "Is" {
		s, ok := blocks[name[2:]]
		return set{s}.and(xmlChars), ok
	}
	return nil, false
}

// blocks are those of Unicode 3.1, which XSD 1.0 names (part 2 §F.1.1).
var blocks = map[string]interval{
	"BasicLatin": {0x0, 0x7F}, "Latin-1Supplement": {0x80, 0xFF}, "LatinExtended-A": {0x100, 0x17F},
	"LatinExtended-B": {0x180, 0x24F}, "IPAExtensions": {0x250, 0x2AF}, "SpacingModifierLetters": {0x2B0, 0x2FF},
	"CombiningDiacriticalMarks": {0x300, 0x36F}, "Greek": {0x370, 0x3FF}, "GreekandCoptic": {0x370, 0x3FF},
	"Cyrillic": {0x400, 0x4FF}, "Armenian": {0x530, 0x58F}, "Hebrew": {0x590, 0x5FF}, "Arabic": {0x600, 0x6FF},
	"Syriac": {0x700, 0x74F}, "Thaana": {0x780, 0x7BF}, "Devanagari": {0x900, 0x97F}, "Bengali": {0x980, 0x9FF},
	"Gurmukhi": {0xA00, 0xA7F}, "Gujarati": {0xA80, 0xAFF}, "Oriya": {0xB00, 0xB7F}, "Tamil": {0xB80, 0xBFF},
	"Telugu": {0xC00, 0xC7F}, "Kannada": {0xC80, 0xCFF}, "Malayalam": {0xD00, 0xD7F}, "Sinhala": {0xD80, 0xDFF},
	"Thai": {0xE00, 0xE7F}, "Lao": {0xE80, 0xEFF}, "Tibetan": {0xF00, 0xFFF}, "Myanmar": {0x1000, 0x109F},
	"Georgian": {0x10A0, 0x10FF}, "HangulJamo": {0x1100, 0x11FF}, "Ethiopic": {0x1200, 0x137F}, "Cherokee": {0x13A0, 0x13FF},
	"UnifiedCanadianAboriginalSyllabics": {0x1400, 0x167F}, "Ogham": {0x1680, 0x169F}, "Runic": {0x16A0, 0x16FF},
	"Khmer": {0x1780, 0x17FF}, "Mongolian": {0x1800, 0x18AF}, "LatinExtendedAdditional": {0x1E00, 0x1EFF},
	"GreekExtended": {0x1F00, 0x1FFF}, "GeneralPunctuation": {0x2000, 0x206F}, "SuperscriptsandSubscripts": {0x2070, 0x209F},
	"CurrencySymbols": {0x20A0, 0x20CF}, "CombiningMarksforSymbols": {0x20D0, 0x20FF}, "LetterlikeSymbols": {0x2100, 0x214F},
	"NumberForms": {0x2150, 0x218F}, "Arrows": {0x2190, 0x21FF}, "MathematicalOperators": {0x2200, 0x22FF},
	"MiscellaneousTechnical": {0x2300, 0x23FF}, "ControlPictures": {0x2400, 0x243F}, "OpticalCharacterRecognition": {0x2440, 0x245F},
	"EnclosedAlphanumerics": {0x2460, 0x24FF}, "BoxDrawing": {0x2500, 0x257F}, "BlockElements": {0x2580, 0x259F},
	"GeometricShapes": {0x25A0, 0x25FF}, "MiscellaneousSymbols": {0x2600, 0x26FF}, "Dingbats": {0x2700, 0x27BF},
	"BraillePatterns": {0x2800, 0x28FF}, "CJKRadicalsSupplement": {0x2E80, 0x2EFF}, "KangxiRadicals": {0x2F00, 0x2FDF},
	"IdeographicDescriptionCharacters": {0x2FF0, 0x2FFF}, "CJKSymbolsandPunctuation": {0x3000, 0x303F},
	"Hiragana": {0x3040, 0x309F}, "Katakana": {0x30A0, 0x30FF}, "Bopomofo": {0x3100, 0x312F},
	"HangulCompatibilityJamo": {0x3130, 0x318F}, "Kanbun": {0x3190, 0x319F}, "BopomofoExtended": {0x31A0, 0x31BF},
	"EnclosedCJKLettersandMonths": {0x3200, 0x32FF}, "CJKCompatibility": {0x3300, 0x33FF},
	"CJKUnifiedIdeographsExtensionA": {0x3400, 0x4DB5}, "CJKUnifiedIdeographs": {0x4E00, 0x9FFF},
	"YiSyllables": {0xA000, 0xA48F}, "YiRadicals": {0xA490, 0xA4CF}, "HangulSyllables": {0xAC00, 0xD7A3},
	"PrivateUse": {0xE000, 0xF8FF}, "CJKCompatibilityIdeographs": {0xF900, 0xFAFF},
	"AlphabeticPresentationForms": {0xFB00, 0xFB4F}, "ArabicPresentationForms-A": {0xFB50, 0xFDFF},
	"CombiningHalfMarks": {0xFE20, 0xFE2F}, "CJKCompatibilityForms": {0xFE30, 0xFE4F}, "SmallFormVariants": {0xFE50, 0xFE6F},
	"ArabicPresentationForms-B": {0xFE70, 0xFEFE}, "Specials": {0xFEFF, 0xFFFD}, "HalfwidthandFullwidthForms": {0xFF00, 0xFFEF},
	"OldItalic": {0x10300, 0x1032F}, "Gothic": {0x10330, 0x1034F}, "Deseret": {0x10400, 0x1044F},
	"ByzantineMusicalSymbols": {0x1D000, 0x1D0FF}, "MusicalSymbols": {0x1D100, 0x1D1FF},
	"MathematicalAlphanumericSymbols": {0x1D400, 0x1D7FF}, "CJKUnifiedIdeographsExtensionB": {0x20000, 0x2A6D6},
	"CJKCompatibilityIdeographsSupplement": {0x2F800, 0x2FA1F}, "Tags": {0xE0000, 0xE007F},
}
