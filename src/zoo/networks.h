// The families of the zoo, one file each. A family's builder takes the depth where the family has several.
#pragma once

#include "graph/graph.h"

namespace octet::zoo {

graph::Graph alexnet();          // Krizhevsky et al. 2012, as BVLC's reference model orders the layers
graph::Graph googlenet();        // Szegedy et al. 2014, deploy form: the main classifier only
graph::Graph resnet(int depth);  // He et al. 2015; 50, 101 or 152
graph::Graph squeezenet();       // Iandola et al. 2016, version 1.0
graph::Graph vgg(int depth);     // Simonyan & Zisserman 2014; 16 (configuration D) or 19 (E)

}  // namespace octet::zoo
