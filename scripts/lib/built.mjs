/** What these modules of the libraries export, as one object. Throws a plain message while they are not built. */
export async function built(importAll) {
  try {
    return Object.assign({}, ...(await Promise.all(importAll())));
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND')
      throw new Error('not built yet: npm run build', { cause: error });
    throw error;
  }
}
