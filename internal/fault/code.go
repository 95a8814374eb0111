package fault

import (
	"cmp"
	"slices"
)

// Code is the stable name of a fault, such as GH-3001. A code is never reused
// and never changes its kind; its sentence may be reworded.
type Code string

// The catalogue. The first digit is the stage: 1 door and envelope, 2 access,
// 3 contract, 4 mapping, 5 store, 6 channel, 9 the gateway itself.
const (
	CodeMethod           Code = "GH-1001"
	CodeMediaType        Code = "GH-1002"
	CodeTooLarge         Code = "GH-1003"
	CodeEncoding         Code = "GH-1004"
	CodeNoEndpoint       Code = "GH-1005"
	CodeBusy             Code = "GH-1006"
	CodeSlow             Code = "GH-1007"
	CodeHTTP             Code = "GH-1008"
	CodeRequest          Code = "GH-1009"
	CodeNotAcceptable    Code = "GH-1010"
	CodeMalformed        Code = "GH-1101"
	CodeDoctype          Code = "GH-1102"
	CodeNotSOAP          Code = "GH-1103"
	CodeVersionMismatch  Code = "GH-1104"
	CodeMustUnderstand   Code = "GH-1105"
	CodeUnknownOperation Code = "GH-1106"
	CodeHeadTooLarge     Code = "GH-1107"
	CodeAddressing       Code = "GH-1108"
	CodeCredentials      Code = "GH-1109"
	CodeAction           Code = "GH-1110"
	CodeMalformedJSON    Code = "GH-1111"
	CodeExchange         Code = "GH-1112"

	CodeUnauthenticated      Code = "GH-2001"
	CodeForbidden            Code = "GH-2002"
	CodeDirectoryUnavailable Code = "GH-2003"
	CodeTokenUnsupported     Code = "GH-2004"
	CodeClearTextPassword    Code = "GH-2005"
	CodeStaleToken           Code = "GH-2006"
	CodeBearer               Code = "GH-2007"
	CodeIssuerUnavailable    Code = "GH-2008"

	CodeTooFast Code = "GH-2010"
	CodeQuota   Code = "GH-2011"
	CodeSession Code = "GH-2012"

	CodeSignature      Code = "GH-2013"
	CodeMessageExpired Code = "GH-2014"

	CodeInvalid          Code = "GH-3001"
	CodeContractDegraded Code = "GH-3002"

	CodeMapping       Code = "GH-4001"
	CodeNarrowing     Code = "GH-4002"
	CodeIdentity      Code = "GH-4003"
	CodeReplyContract Code = "GH-4004"
	CodeUnknownCode   Code = "GH-4005"
	CodeUnknownYet    Code = "GH-4006"
	CodeRejected      Code = "GH-4007"
	CodeParts         Code = "GH-4008"
	CodePartsLater    Code = "GH-4009"

	CodeStoreUnavailable Code = "GH-5001"
	CodeKeyReused        Code = "GH-5002"
	CodeSuperseded       Code = "GH-5003"
	CodeLookup           Code = "GH-5004"
	CodeConstraint       Code = "GH-5005"
	CodeExists           Code = "GH-5006"
	CodeNotYet           Code = "GH-5007"
	CodeMessageNotFound  Code = "GH-5008"
	CodeSchema           Code = "GH-5009"
	CodeNotHeld          Code = "GH-5010"
	CodeEmptying         Code = "GH-5011"
	// CodeReplyGone and CodePayloadGone are of what retention or an erasure took.
	CodeReplyGone   Code = "GH-5012"
	CodePayloadGone Code = "GH-5013"
	CodeDrift       Code = "GH-5014"
	CodeAudit       Code = "GH-5015"
	CodeUnkept      Code = "GH-5016"

	// Acts of operators.
	CodeSeen        Code = "GH-5021"
	CodeIncomplete  Code = "GH-5022"
	CodeNotStored   Code = "GH-5023"
	CodeJobNotFound Code = "GH-5024"
	CodeJobState    Code = "GH-5025"
	CodeNothing     Code = "GH-5026"

	CodeChannelUnavailable Code = "GH-6001"
	CodeUnroutable         Code = "GH-6002"
	CodeNotPublishable     Code = "GH-6003"
	CodeNotTaken           Code = "GH-6004"
	CodeDeadLetter         Code = "GH-6011"

	CodeNoView   Code = "GH-7001"
	CodeQuery    Code = "GH-7002"
	CodeUnserved Code = "GH-7003"
	CodePage     Code = "GH-7004"
	CodeNoRow    Code = "GH-7005"
	CodeAddress  Code = "GH-7006"

	CodeNotLive    Code = "GH-7021"
	CodeStreamID   Code = "GH-7022"
	CodeStreamGone Code = "GH-7023"
	CodeStreams    Code = "GH-7024"
	CodeStreamCut  Code = "GH-7025"

	CodeExport         Code = "GH-7031"
	CodeExportValue    Code = "GH-7032"
	CodeExports        Code = "GH-7033"
	CodeExportNotFound Code = "GH-7034"
	CodeExportState    Code = "GH-7035"
	CodeExportSpace    Code = "GH-7036"

	// The CodeFeed ones are of where the files of a feed are, and never a sender's.
	CodeFeedUnavailable Code = "GH-7041"
	CodeFeedDenied      Code = "GH-7042"
	CodeFeedNoBucket    Code = "GH-7043"
	CodeFeedConditions  Code = "GH-7044"
	CodeFeedContent     Code = "GH-7045"

	CodeInternal Code = "GH-9001"
	CodeDraining Code = "GH-9002"
	CodePoison   Code = "GH-9003"
	// CodeNeedsRestart is of the configuration, and never a message's.
	CodeNeedsRestart Code = "GH-9004"
	// CodeConfiguration is of a reload.
	CodeConfiguration Code = "GH-9005"
)

type entry struct {
	kind     Kind
	mender   Mender
	sentence string
}

var catalogue = map[Code]entry{
	CodeMethod:           {Invalid, Sender, "this endpoint takes POST requests only"},
	CodeMediaType:        {Invalid, Sender, "the Content-Type of the request is missing or not one this endpoint takes"},
	CodeTooLarge:         {TooLarge, Sender, "the message is larger than this endpoint takes"},
	CodeEncoding:         {Invalid, Sender, "the bytes of the message do not match its declared encoding"},
	CodeNoEndpoint:       {NotFound, Sender, "nothing is served at this address"},
	CodeBusy:             {Unavailable, Operator, "the gateway is at its limit; try again later"},
	CodeSlow:             {Invalid, Sender, "the request took too long to arrive"},
	CodeHTTP:             {Invalid, Sender, "the HTTP request is malformed"},
	CodeRequest:          {Invalid, Operator, "the request to the operations API is not one it takes"},
	CodeNotAcceptable:    {Invalid, Sender, "none of the types that the request accepts is one to answer with"},
	CodeMalformed:        {Invalid, Sender, "the message is not well-formed XML"},
	CodeDoctype:          {Invalid, Sender, "a document type declaration is not allowed in a SOAP message"},
	CodeNotSOAP:          {Invalid, Sender, "the document is not a SOAP envelope"},
	CodeVersionMismatch:  {Invalid, Sender, "the namespace of the envelope is neither SOAP 1.1 nor SOAP 1.2, or not the one of its Content-Type"},
	CodeMustUnderstand:   {Invalid, Sender, "a header block marked mustUnderstand is not understood here"},
	CodeUnknownOperation: {NotFound, Sender, "this service has no such operation"},
	CodeHeadTooLarge:     {TooLarge, Sender, "the part of the envelope before the message is too large or too deep"},
	CodeAddressing:       {Invalid, Sender, "the WS-Addressing headers cannot be honoured"},
	CodeCredentials:      {Invalid, Sender, "the credentials are malformed or given twice"},
	CodeAction:           {Invalid, Sender, "the action named does not belong to the operation in the body"},
	CodeMalformedJSON:    {Invalid, Sender, "the message is not well-formed JSON"},
	CodeExchange:         {Invalid, Sender, "the message of SAP's XI protocol cannot be taken"},

	CodeUnauthenticated:      {Unauthenticated, Sender, "the user name or password is missing or wrong"},
	CodeForbidden:            {Forbidden, Directory, "this user may not do that"},
	CodeDirectoryUnavailable: {Unavailable, Operator, "the directory cannot be asked at the moment; try again later"},
	CodeTokenUnsupported:     {Unauthenticated, Sender, "this kind of security token is not supported"},
	CodeClearTextPassword:    {Unauthenticated, Sender, "a password is taken over TLS only"},
	CodeStaleToken:           {Unauthenticated, Sender, "the UsernameToken is too old, or was used before"},
	CodeBearer:               {Unauthenticated, Sender, "the bearer token does not hold here"},
	CodeIssuerUnavailable:    {Unavailable, Operator, "the keys of the token's issuer cannot be read at the moment; try again later"},

	CodeTooFast: {RateLimited, Sender, "more messages come than the sender may send at once"},
	CodeQuota:   {RateLimited, Operator, "the sender's quota for the day is used up"},
	CodeSession: {Unauthenticated, Sender, "the login has ended; log in again"},

	CodeSignature:      {Unauthenticated, Sender, "the message is not signed as it has to be, or its signature does not hold"},
	CodeMessageExpired: {Unauthenticated, Sender, "the message's Timestamp is too old, or the message was used before"},

	CodeInvalid:          {Invalid, Sender, "the message breaks its contract"},
	CodeContractDegraded: {Internal, Operator, "the contract's schema does not compile"},

	CodeMapping:       {Invalid, Sender, "the message cannot be mapped"},
	CodeNarrowing:     {Invalid, Sender, "a value does not fit the column it is stored in"},
	CodeIdentity:      {Invalid, Sender, "the message lacks the value that identifies it"},
	CodeReplyContract: {Internal, MappingAuthor, "the reply does not satisfy the contract"},
	CodeUnknownCode:   {Invalid, CodeOwner, "a code of the message is not in its code set"},
	CodeUnknownYet:    {NotYet, CodeOwner, "a code of the message is not in its code set yet"},
	CodeRejected:      {Invalid, Sender, "a rule of the mapping refuses the message"},
	CodeParts:         {Invalid, Sender, "parts of the message are refused"},
	CodePartsLater:    {NotYet, Sender, "parts of the message are not stored yet"},

	CodeStoreUnavailable: {Unavailable, Operator, "the database cannot be used at the moment; try again later"},
	CodeKeyReused:        {Conflict, Sender, "this message identity was used before with another body"},
	CodeSuperseded:       {Conflict, Sender, "a newer version is stored already"},
	CodeLookup:           {Invalid, Sender, "the message refers to something that is not stored"},
	CodeConstraint:       {Invalid, Sender, "the database refuses a value of the message"},
	CodeExists:           {Conflict, Sender, "what the message creates exists already"},
	CodeNotYet:           {NotYet, Sender, "the message refers to something that is not stored yet"},
	CodeMessageNotFound:  {NotFound, Operator, "there is no such message"},
	CodeEmptying:         {Invalid, Sender, "the message has none of what it would delete all of"},
	CodeNotHeld:          {Conflict, Operator, "the message is not in a state for that"},
	CodeReplyGone:        {Conflict, Operator, "the message was stored before, and its reply has been erased"},
	CodePayloadGone:      {Conflict, Operator, "the message's payload is not kept any more"},
	CodeSchema:           {Unavailable, Operator, "the database's tables are not what the mapping needs"},
	CodeAudit:            {Internal, Operator, "the act was not done, because it could not be written into the audit trail"},
	CodeDrift:            {Unavailable, Operator, "the database's tables have changed under the route of this message; try again later"},

	CodeSeen:        {Conflict, Operator, "what it would change is not what was looked at: look again"},
	CodeUnkept:      {Unavailable, Operator, "the attachments of a message cannot be kept at the moment"},
	CodeIncomplete:  {Conflict, Operator, "the ledger does not hold all that it takes to process this message again"},
	CodeNotStored:   {Conflict, Operator, "the message is not stored"},
	CodeJobNotFound: {NotFound, Operator, "there is no such job"},
	CodeJobState:    {Conflict, Operator, "the job is not in a state for that"},
	CodeNothing:     {NotFound, Operator, "nothing that is parked is meant by that"},

	CodeChannelUnavailable: {Unavailable, Operator, "the channel cannot be reached at the moment"},
	CodeUnroutable:         {Invalid, Operator, "the broker has no queue for this message"},
	CodeNotPublishable:     {Invalid, Operator, "the channel refuses this message"},
	CodeNotTaken:           {Unavailable, Operator, "the channel did not take this message at the moment"},
	CodeDeadLetter:         {Invalid, Operator, "a broker has given the message up"},

	CodeNoView:     {NotFound, Sender, "there is no such view"},
	CodeQuery:      {Invalid, Sender, "the view cannot be asked that"},
	CodeUnserved:   {Invalid, Sender, "no index serves this query"},
	CodePage:       {Invalid, Sender, "the $skiptoken is not of this search, or not good any more: follow the @odata.nextLink of a page as it came, or begin anew"},
	CodeNoRow:      {NotFound, Sender, "there is no such row, or this user may not see it"},
	CodeNotLive:    {NotFound, Operator, "there is no stream of this view: it does not say live: true"},
	CodeStreamID:   {Invalid, Sender, "the id is none that this stream has given to this user, or one from too long ago: read the rows anew, and begin a stream without an id"},
	CodeStreamGone: {NotFound, Sender, "what came behind this id is not kept any more: read the rows anew, and begin a stream without an id"},
	CodeStreams:    {RateLimited, Sender, "there are as many streams as may be open at once"},
	CodeStreamCut:  {Unavailable, Sender, "whoever listens did not take what was sent; come back with the id of the last event"},

	CodeExport:         {Invalid, Sender, "the export asks for what its format does not have"},
	CodeExportValue:    {Invalid, Sender, "a value cannot be written in this format"},
	CodeExports:        {RateLimited, Sender, "there are as many exports under way as may be"},
	CodeExportNotFound: {NotFound, Sender, "there is no such export"},
	CodeExportState:    {Conflict, Sender, "the export has no file yet"},
	CodeExportSpace:    {Unavailable, Operator, "there is no room for further exports"},

	CodeFeedUnavailable: {Unavailable, Operator, "the directory or bucket of a feed cannot be used at the moment"},
	CodeFeedDenied:      {Unavailable, Operator, "the bucket of a feed refuses the credentials, or what is asked with them"},
	CodeFeedNoBucket:    {Unavailable, Operator, "there is no such bucket"},
	CodeFeedConditions:  {Unavailable, Operator, "the bucket of a feed does not keep two writers apart: it takes what its conditions forbid"},
	CodeFeedContent:     {Conflict, Operator, "what is in the directory or bucket of a feed is not what the feed left there"},

	CodeAddress: {TooLarge, Sender, "the address is longer than what is read"},

	CodeInternal:      {Internal, Operator, "the gateway failed to handle the message; the operator finds the cause under the reference"},
	CodeDraining:      {Unavailable, Operator, "the gateway is shutting down; try again"},
	CodeNeedsRestart:  {Conflict, Operator, "the change takes a restart"},
	CodeConfiguration: {Invalid, Operator, "the configuration has faults; the one before it goes on"},
	CodePoison:        {Internal, Operator, "the gateway ended three times while it handled this message"},
}

// Entry is one line of the catalogue, for documentation and tests.
type Entry struct {
	Code     Code
	Kind     Kind
	Mender   Mender
	Sentence string
}

// Catalogue returns every code, sorted.
func Catalogue() []Entry {
	out := make([]Entry, 0, len(catalogue))
	for c, e := range catalogue {
		out = append(out, Entry{c, e.kind, e.mender, e.sentence})
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Code, b.Code) })
	return out
}
