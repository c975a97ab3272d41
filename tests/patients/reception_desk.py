"""What a browser finds and sends back at the reception desk."""

from django.urls import reverse


def find(client, text, htmx=True, **extra):
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(reverse("reception-find"), {"text": text, **extra}, headers=headers)


def form_of(response) -> dict[str, str]:
    """What a browser would send back from the form of a page."""
    form = response.context["form"]
    values = {bound.html_name: bound.value() for bound in form}
    values = {name: form[name].as_hidden() and value for name, value in values.items()}
    shown = {}
    for name, value in values.items():
        if value is True:
            shown[name] = "on"
        elif value not in (None, False, ""):
            prepared = form.fields[name].prepare_value(value)
            shown[name] = str(prepared)
    return shown


def new_person(client, response, **changes):
    return client.post(reverse("reception-save-new"), {**form_of(response), **changes})
