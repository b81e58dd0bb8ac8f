// Say on the page that a security key didn't answer, for example because the person canceled.
document.addEventListener('allauth.error', event => {
  event.preventDefault()
  document.getElementById('key-error').hidden = false
})
