# Fetches the pinned charting library with npm and lays out what report.html
# needs of it: library.js, and licence.txt with the licences of all its parts.
#   cmake -DNPM=... -DSOURCE=cli/sweep/page -DFOLDER=<build folder> -P fetch_library.cmake
file(MAKE_DIRECTORY ${FOLDER})
file(COPY ${SOURCE}/package.json ${SOURCE}/package-lock.json DESTINATION ${FOLDER})
execute_process(
  COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error
  WORKING_DIRECTORY ${FOLDER}
  OUTPUT_VARIABLE said
  ERROR_VARIABLE said
  RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR
    "npm could not fetch the charting library of report.html (cli/sweep/page/package-lock.json).\n"
    "The build needs the npm registry once, or npm's cache of an earlier build.\n${said}")
endif()

set(modules ${FOLDER}/node_modules)
set(licence "")
foreach(part echarts/LICENSE echarts/NOTICE echarts/licenses/LICENSE-d3 zrender/LICENSE tslib/LICENSE.txt)
  file(READ ${modules}/${part} text)
  string(APPEND licence "---- ${part} ----\n\n${text}\n")
endforeach()
file(WRITE ${FOLDER}/licence.txt "${licence}")
# Last: it is the output whose time the build looks at.
file(COPY_FILE ${modules}/echarts/dist/echarts.min.js ${FOLDER}/library.js)
file(TOUCH ${FOLDER}/library.js)
