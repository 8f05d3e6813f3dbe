package saml

import "github.com/beevik/etree"

// What the tests of the endpoints, which need the store, take from those of the
// messages.
var (
	Ours            = ours
	Theirs          = theirs
	Providers       = providers
	TheirProvider   = theirProvider
	AggregateOf     = aggregateOf
	SignedFeed      = signedFeed
	LargeFeed       = largeFeed
	Foreign         = foreign
	Request         = request
	Metadata        = metadata
	LogoutMessage   = logoutMessage
	Signed          = signed
	Form            = form
	Query           = query
	VerifiedBy      = verifiedBy
	Decrypted       = decrypted
	Certificate     = parseCertificate
	Start           = start
	TheirEntity     = theirEntity
	TheirACS        = theirACS
	RSASHA256       = signatureMethod
	FormatTransient = formatTransient
	BindingRedirect = bindingRedirect
)

// Text returns the text of the first element of a name, wherever it is.
func Text(document []byte, namespace, name string) (value string) {
	if el := first(document, namespace, name); el != nil {
		return text(el)
	}
	return ""
}

// Attr returns an attribute of the first element of a name.
func Attr(document []byte, namespace, name, attribute string) string {
	return attr(first(document, namespace, name), attribute)
}

// Parse returns the root of a document of ours.
func Parse(document []byte) *etree.Element {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(document); err != nil {
		panic(err)
	}
	return doc.Root()
}
