"""What a role may do: calls with a role's credentials are allowed or refused as its policies say.

sessions.py      the temporary credentials of instances, in memory only
principal.py     whose credentials a call has
requested.py     which actions on which resources IAM is asked for a call
resources.py     the resources of a call, by service
policy.py        policies held against an action, a resource and a context
conditions.py    their conditions
enforcement.py   refuse a call in the words of its service
"""
