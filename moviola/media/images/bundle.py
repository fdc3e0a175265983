"""Tables and parts of chunks and results of images, in the layout of moviola/media/bundle.py. The parts are files.

chunk (moviola/media/images/split.py writes it, moviola/media/images/process.py reads it)
    "p"      [[size, name, problem], ...]: the pictures' files as they are, and their names, "/" between folders.
             A problem, otherwise empty, says why a file was not sent; then its size is 0
    "first"  index of the first picture in the whole source

result (moviola/media/images/process.py writes it, moviola/media/images/splice.py reads it)
    "p"      [[size, index, page, format], ...]: encoded pictures in the order of the source. page counts from 1
             where a file's pages became pictures of their own, otherwise it is 0
    "names"  the names of all pictures of the chunk, whatever became of them
    "report" what happened to the pictures (moviola.media.report.Report); in its notes, [index, [note, ...]], a note of
             a file with several pages has "page", counted from 1
"""
