"""What the demo paper says. Everything is invented: people, place, measurements and references.

A block is ("h1" | "h2", number, text), ("p" | "first", name, text) where "first" is not indented, ("eq", number,
formula), or ("ref", "", text). In a formula a pair is a fraction.
"""

from __future__ import annotations

Formula = tuple[str | tuple[str, str], ...]
Block = tuple[str, str, str | Formula]

TITLE = "Graded-Porosity Meshes for Passive Fog Collection: A~Twelve-Month Comparison on a Coastal Ridge"
SHORT_TITLE = "Graded-porosity meshes for passive fog collection"
AUTHORS = "Ilse Varga-Onwudi^{1}, Tomas Brekkelund^{2} and Priya Sandoval-Reyes^{1}"
AFFILIATIONS = (
    "^{1}~Institute for Dry-Land Water, Costa Sereno~~~~~~^{2}~Department of Fluid Mechanics, University of Marrow Bay"
)
JOURNAL = "Journal of Passive Water Systems 7 (2024)"

ABSTRACT = (
    "Standing meshes turn fog into drinking water without any supply of energy, but most of the water that crosses "
    "them is either never touched by a fibre or blown off again before it reaches the gutter. We describe a mesh whose "
    "shade coefficient rises from the upper to the lower edge, so that air is admitted where the mesh is dry and held "
    "back where it is loaded with draining water. Two graded meshes with three and five bands were compared with a "
    "uniform weave and with the usual double Raschel net for twelve months on Loma Alcarza, a ridge 742~m above the "
    "sea. The five-band mesh collected 3.57~L~m^{−2}~d^{−1} on average, 48% more than the Raschel net, and the gain was "
    "largest in strong wind. A model of impaction and retention with four parameters reproduces daily yields with a "
    "root-mean-square error of 0.38~L~m^{−2}~d^{−1}. Per litre of daily capacity the three-band mesh is the "
    "cheapest."
)
KEYWORDS = "**Keywords:** fog water, porous screens, impaction, drainage, rural water supply"

BLOCKS: tuple[Block, ...] = (
    ("h1", "1", "Introduction"),
    ("first", "intro", (
        "Along many dry coasts the only regular form of precipitation never falls. Stratus that forms over cold "
        "water is driven against the first range of hills, and for some hours of the day the ground lies inside the "
        "cloud. A vertical mesh that stands in this stream catches droplets on its fibres; they merge, run down and "
        "are led to a tank. Villages have lived with such collectors for four decades [1, 2], and in places they are "
        "the sole source of drinking water for part of the year.")),
    ("p", "intro-problem", (
        "The design has hardly changed in that time. The common collector is a double layer of Raschel net with a "
        "shade coefficient of 0.35, chosen because the net is sold everywhere as protection for young plants. It "
        "wastes most of the resource: reported efficiencies lie between 10% and 25% [3, 4]. Finer "
        "and denser weaves intercept more droplets, yet they also force more of the air around the screen [5], and "
        "once they are wet they clog, so that drops are torn off their lower part by the wind [6].")),
    ("p", "intro-idea", (
        "This paper starts from a simple observation. The load of water on a mesh is not uniform: what is caught at "
        "the upper edge has to pass every fibre below it. The lower edge therefore carries many times more water than "
        "the upper one, while both face the same wind. A mesh that is best at one height cannot be best at another. "
        "We ask how much is gained when the shade coefficient is allowed to vary with height, and whether the gain "
        "justifies the additional work of sewing bands together.")),
    ("p", "intro-plan", (
        "Section~2 recalls how capture and drainage are described. Section~3 presents the graded meshes and Section~4 "
        "the field experiment. The model is fitted in Section~5, results are given in Section~6 and discussed in "
        "Section~7. Instruments and fitted parameters are listed in Appendices A and~B, and Appendix~C "
        "tells how to sew a screen.")),
    ("h1", "2", "Capture and Drainage"),
    ("h2", "2.1", "Capture by a mesh"),
    ("first", "capture", (
        "The rate at which a screen of unit area delivers water is the product of the flux of liquid water and an "
        "efficiency,")),
    ("eq", "1", ("*R* = 3.6 *η* *w* *u* ,",)),
    ("first", "capture-units", (
        "with *R* in L~m^{−2}~h^{−1}, the liquid water content *w* in g~m^{−3} and the wind speed *u* at right angles "
        "to the screen in m~s^{−1}. The efficiency is commonly split into three factors,")),
    ("eq", "2", ("*η* = *η*_{a} *η*_{d} *η*_{r} ,",)),
    ("first", "capture-factors", (
        "for the share of the air that comes close enough to a fibre, the share of its droplets that touch the fibre, "
        "and the share of the caught water that reaches the gutter. For a flat screen with shade coefficient *s*, drag "
        "coefficient *C*_{d} and pressure loss coefficient *C*_{0} the aerodynamic factor is [5]")),
    ("eq", "3", ("*η*_{a} = ", ("*s*", "1 + (*C*_{0} / *C*_{d})^{1/2}"), " .")),
    ("first", "capture-impaction", (
        "Droplets of diameter *d* that meet a fibre of width *b* are deposited with")),
    ("eq", "4", ("*η*_{d} = ", ("St", "St + *π*/2"), " ,~~~~~~St = ", ("*ρ*_{w} *d*^{2} *u*", "9 *μ* *b*"), " ,")),
    ("first", "capture-stokes", (
        "where *ρ*_{w} is the density of water and *μ* the viscosity of air. Narrow fibres and strong wind favour "
        "deposition. Equation~(3) pulls the other way: as *s* grows the pressure loss grows faster, and beyond "
        "*s*~≈~0.6 the factor *η*_{a} falls.")),
    ("h2", "2.2", "Retention"),
    ("first", "retention", (
        "Water on the mesh is held by surface tension and pushed by the wind. When a drop that bridges two fibres "
        "grows beyond a critical size it either slides down or is thrown off on the lee side. Wind-tunnel "
        "work [6, 7] suggests a smooth threshold,")),
    ("eq", "5", ("*η*_{r} = ", ("1", "1 + (*u* / *u*_{c})^{*p*}"), " ,")),
    ("first", "retention-threshold", (
        "with a critical speed *u*_{c} that falls as the mesh becomes heavier with water. Because *u*_{c} is lower at "
        "the foot of the screen, losses concentrate there: on a uniform screen two metres high about 70% of the water "
        "that is blown off leaves from the lowest third [7].")),
    ("h2", "2.3", "Earlier attempts"),
    ("first", "related", (
        "Most attempts to improve on the Raschel net have changed the fibre rather than the arrangement. Coated tapes "
        "that repel water shed their drops sooner and keep the pores open, but the coating wears off within one or two "
        "seasons of dust and salt [9]. Harps of vertical wires drain very well and do not clog; they need a stiff frame "
        "and wires that stay parallel, and a single broken wire tangles its neighbours [10]. Stacked screens raise the "
        "share of droplets that are caught at the price of a higher wind load on the posts [11]. None of these designs "
        "takes the height above the gutter into account. The nearest relative of our mesh is an old one: fishermen on "
        "the same coast used to hang two nets of different gauge above each other because the finer one was too "
        "expensive for the whole frame [2].")),
    ("h1", "3", "Graded Meshes"),
    ("h2", "3.1", "Geometry"),
    ("first", "geometry", (
        "A graded mesh consists of *n* horizontal bands of equal height. The shade coefficient of band *i*, counted "
        "from the top, rises in equal steps,")),
    ("eq", "6", ("*s*_{i} = *s*_{1} + (*s*_{n} − *s*_{1}) ", ("*i* − 1", "*n* − 1"), " .",)),
    ("first", "geometry-bands", (
        "The open upper bands let the air through and so lower the pressure in front of the whole screen. The dense "
        "lower bands shelter the draining water: their fibres stand so close that drops touch the next fibre before "
        "they are large enough to be carried away. Figure~1 shows the arrangement for five bands, and Table~1 lists "
        "the four collectors of this study.")),
    ("h2", "3.2", "Making the mesh"),
    ("first", "fabrication", (
        "All bands were woven from the same flat polyethylene tape, 0.80~mm wide, on a hand loom in the workshop of "
        "the institute; only the spacing of the weft differs. Neighbouring bands overlap by 15~mm and are joined by a "
        "double seam of the same tape. The seam must not form a ledge, since standing water there would drip to the "
        "lee. Cutting the overlap at an angle of 30° solved this after two unsuccessful trials. Sewing a five-band "
        "screen of 12~m^{2} takes one person about nine hours; a uniform screen is ready in two.")),
    ("h2", "3.3", "Why not a continuous gradient"),
    ("first", "continuous", (
        "A loom with a variable feed could change the spacing of the weft continuously and make seams unnecessary. We "
        "decided against it for two reasons. Such looms are not found in the villages where collectors are built, and "
        "a torn continuous screen can only be replaced as a whole, whereas a band can be unpicked and exchanged in an "
        "afternoon. The model of Section~5 predicts that nine bands would yield a mere 2% more than five.")),
    ("h1", "4", "Field Experiment"),
    ("h2", "4.1", "Site"),
    ("first", "site", (
        "Loma Alcarza is a bare ridge 3.1~km from the shore, 742~m above the sea and almost at right angles to "
        "the south-westerly wind that brings the fog. Four collectors, each 4~m wide and 3~m high with its lower edge "
        "2~m above the ground, stand in a row along the crest (Figure~2). They are 18~m apart, which is more than four "
        "times their width, and were exchanged between positions every two months so that no design profited from a "
        "better place. Measurements began on 1~May 2022 and ended on 30~April 2023.")),
    ("h2", "4.2", "Instruments and calibration"),
    ("first", "instruments", (
        "Water from each gutter passed a tipping-bucket gauge with a resolution of 50~mL. Wind was measured by a sonic "
        "anemometer at the height of the middle of the screens, and the liquid water content by an optical fog monitor "
        "on the central mast. Table~A1 gives ranges and accuracies. The gauges were "
        "calibrated every six weeks by pouring ten litres through them in twenty minutes; corrections stayed below 3%. "
        "The windows of the fog monitor were cleaned weekly, after a film of salt in the first month had "
        "lowered its readings by 8%.")),
    ("h2", "4.3", "Screening of the data"),
    ("first", "screening", (
        "Of 365 days, 41 were discarded: 18 because the logger had lost power, 14 because a gauge was blocked by "
        "insects or dust, and nine because ice on the mesh made the timing of the melt water meaningless. The "
        "remaining 324 days, 213 of them with at least one hour of fog, are the basis of all results below. Hours in "
        "which the wind came from more than 45° off the normal of the screens, 12% of the foggy hours, were "
        "kept for the yields but left out of the analysis of efficiency.")),
    ("h2", "4.4", "Water lost to the lee"),
    ("first", "lee", (
        "To see where water leaves the mesh, five narrow troughs were hung behind U60 and G5 for the whole of August, "
        "one at the foot of each fifth of the height. They stood 0.4~m downwind of the screen and led to small gauges of "
        "their own. Troughs this near the mesh disturb the flow, so the results are used to compare heights and not to "
        "close the water balance. A test with coloured water showed that at least 85% of the drops that leave "
        "the mesh end in the trough below their own band.")),
    ("h2", "4.5", "Uncertainty"),
    ("first", "uncertainty", (
        "The uncertainty of a daily yield has three parts: the resolution of the gauge, its calibration, and the "
        "position on the ridge. The first is negligible for days with fog. The second is 3%. The third was estimated "
        "from the six exchanges of position, after each of which the ratio of two collectors of unchanged design "
        "shifted by 4% on average. Added in quadrature they give 5% for a day and, as the positions rotate, about 2% "
        "for the year. Differences between the annual means in Table~2 are larger than that throughout.")),
    ("h1", "5", "Model"),
    ("first", "model", (
        "Equations (1) to (5) were applied to each band with its own shade coefficient and summed over the height. "
        "Four quantities were fitted to half of the foggy days, chosen at random: the ratio *C*_{0}/*C*_{d} "
        "at *s*~=~0.5, an effective droplet diameter, and *u*_{c} and *p* of Eq.~(5). The other half served to "
        "judge the fit by")),
    ("eq", "7", ("RMSE = ", "[ ", ("1", "*N*"), " ∑_{*j*} (*P*_{j} − *R*_{j})^{2} ]^{1/2} ,")),
    ("first", "model-compare", (
        "where the sum runs over *N* days and *P*_{j} is the predicted daily yield. Two simpler models "
        "were fitted for comparison: a constant efficiency, and impaction alone, which sets *η*_{r}~=~1. The "
        "parameters with their standard errors are in Table~B1.")),
    ("h1", "6", "Results"),
    ("h2", "6.1", "Yield over the year"),
    ("first", "yield", (
        "Figure~3 shows the mean daily yield in each month. All collectors follow the fog season, with a maximum in "
        "August and a minimum in January, but they differ clearly in level. Over the year the "
        "Raschel net R35 gave 2.41~L~m^{−2}~d^{−1}, the uniform weave U60 2.75, and the graded meshes G3 and G5 3.33 "
        "and 3.57 (Table~2). The order was the same in every month except January, when the graded meshes "
        "were equal within the resolution of the gauges.")),
    ("p", "yield-day", (
        "Within a day, water is collected mainly at night. Figure~6 shows the mean of the 31 days of August: the yield "
        "rises from sunset on, peaks shortly before sunrise and is almost nil around 13:00, when the cloud base has "
        "lifted above the ridge. About 60% of the water arrives between midnight and nine in the morning, which is "
        "convenient for distribution during the day.")),
    ("h2", "6.2", "Effect of wind speed"),
    ("first", "wind", (
        "Efficiency depends strongly on the wind (Figure~4). Below 3~m~s^{−1} the four meshes are hard to tell apart, "
        "as deposition limits all of them. Every curve has a maximum, and to its right water is lost to the lee. The "
        "maximum of the Raschel net lies at 4~m~s^{−1}; those of the denser meshes lie one step higher. What sets the "
        "graded meshes apart is less the height of the maximum than the slow decline after it: at 9~m~s^{−1} the "
        "five-band mesh still has twice the efficiency of the Raschel net. Such wind is not rare on Loma Alcarza: it "
        "blew in 17% of the foggy hours, and those hours brought 31% of the water that passed the screens.")),
    ("h2", "6.3", "Performance of the model"),
    ("first", "performance", (
        "Table~3 compares the three models on the days that were not used for fitting. Retention turns out to matter "
        "more than impaction: without it the error is 0.61~L~m^{−2}~d^{−1} and large yields are overestimated; with it "
        "the error falls to 0.38 and the bias nearly vanishes. Measured and predicted yields of the five-band mesh are "
        "plotted in Figure~5. The largest residuals belong to days with drizzle, whose drops are far "
        "bigger than the single diameter assumed in Eq.~(4).")),
    ("h2", "6.4", "Durability and cost"),
    ("first", "durability", (
        "The screens were inspected monthly. The Raschel net tore twice along its upper rope in the storms of "
        "November and had to be re-hung. The uniform weave came through undamaged. Each of the graded meshes "
        "needed one repair, in both cases of a seam between the two lowest bands where the load is "
        "highest; a third line of stitching has since been added there.")),
    ("p", "cost", (
        "Table~4 lists what one collector of 12~m^{2} cost in materials and paid labour. The five-band mesh is 25% "
        "dearer than the Raschel net, mostly because of the hours at the loom and the sewing table. Divided by "
        "the mean daily yield the order changes: the Raschel net is the most expensive source of "
        "water, and three bands are slightly cheaper per litre than five.")),
    ("h2", "6.5", "Losses by height"),
    ("first", "losses", (
        "The troughs of Section~4.4 confirm the picture on which the design rests. On the uniform weave the share of "
        "water that is thrown off grows steadily from the first to the fifth band, where more than a fifth of it is "
        "lost (Figure~7). On the five-band mesh the losses are nearly the same at all heights. The top band of G5, being "
        "more open than U60, even loses slightly more than its counterpart; it carries so little water that this does "
        "not matter.")),
    ("h1", "7", "Discussion"),
    ("h2", "7.1", "Where the gain comes from"),
    ("first", "gain", (
        "The model allows the gain of the five-band mesh over the uniform weave, 0.82~L~m^{−2}~d^{−1}, to be divided "
        "between its two causes. Setting the critical speed of all bands to that of the uniform weave leaves 0.23 of "
        "it, so about 28% is owed to the freer flow through the upper bands and 72% to the shelter of the lower ones. "
        "This explains why three bands do almost as well: most of the shelter is already provided by a single "
        "dense band at the foot, and every further step only refines the flow above.")),
    ("p", "gain-height", (
        "It also follows that the gain should grow with the height of the screen, because the load at the foot does. "
        "We expect little advantage for the standard test collector of one square metre, and warn against judging "
        "graded meshes by it.")),
    ("h2", "7.2", "Three bands or five"),
    ("first", "choice", (
        "Whether two further bands are worth their price depends on what is scarce. A family on Loma Alcarza needs "
        "about 120~litres a day. On the annual mean this is the yield of three G3 collectors or of slightly less than "
        "three G5; in the dry winter months neither suffices, and the tank has to bridge the gap. If the ridge offers "
        "room for more frames, adding a three-band collector gives more water for the same money than refining those that "
        "stand. If the posts are already there, or land is contested, five bands are the better choice, since frame, ropes "
        "and anchors make up nearly half of the cost and do not depend on the mesh they carry.")),
    ("p", "choice-upkeep", (
        "Upkeep favours three bands as well. The number of seams is what a caretaker has to inspect, and all repairs "
        "of graded meshes in our year were repairs of seams. On the other hand both graded meshes stayed cleaner than the "
        "uniform one: dust that settles on the open upper bands is rinsed through by the first fog of the evening.")),
    ("h2", "7.3", "Limitations"),
    ("first", "limits", (
        "One ridge and one year are a narrow basis. The year was windier than usual, with a mean of "
        "5.8~m~s^{−1} in fog against 5.1 in the ten years before, which favours graded meshes; correcting for it with "
        "the model lowers the gain of G5 from 48% to 43%. Only one value of the step between bands was tried "
        "for each number of bands. The quality of the water was not examined beyond conductivity, "
        "and the ageing of the tape under ultraviolet light will become visible only after several years.")),
    ("h1", "8", "Conclusions"),
    ("first", "conclusions", (
        "Letting the density of a fog mesh increase towards its foot raises the yield by more than a third with three "
        "bands and by almost a half with five, without moving parts, coatings or new materials. The additional work "
        "is repaid within the first season. Where labour is scarce we recommend three bands, whose water "
        "costs least; where the area of the ridge is the limit, five. The drawings of the collectors and the daily "
        "data may be used freely.")),
    ("h0", "", "Acknowledgements"),
    ("first", "thanks", (
        "We thank the water committee of Alcarza Baja, whose members read the gauges through a winter of "
        "broken modems, and the weavers’ guild of Costa Sereno for the loan of two looms.")),
    ("h0", "", "References"),
    ("ref", "", "[1]~O. Caldas-Lind and M. Ferrante. Thirty years of fog water in the northern hills. *Annals of Arid "
                "Hydrology* 12 (2011) 201–219."),
    ("ref", "", "[2]~B. Achterberg. *Water from Cloud: A Handbook for Villages*. Dry-Land Press, 2009."),
    ("ref", "", "[3]~P. Sandoval-Reyes and J. Okafor-Lund. Efficiency of standard collectors in three climates. "
                "*Journal of Passive Water Systems* 2 (2019) 33–47."),
    ("ref", "", "[4]~K. Mirzoyan. Field calibration of Raschel screens. *Notes in Micrometeorology* 41 (2016) 9–18."),
    ("ref", "", "[5]~T. Brekkelund. Flow through and around porous plates. *Fluid Letters* 88 (2014) 1140–1158."),
    ("ref", "", "[6]~A. Duquesne-Hale and R. Tamm. Re-entrainment of drops from wet meshes. *Surface Flows* 5 (2018) "
                "77–95."),
    ("ref", "", "[7]~R. Tamm. *Drainage of Vertical Screens in Wind*. PhD thesis, University of Marrow Bay, 2020."),
    ("ref", "", "[8]~S. Oyelaran and I. Varga-Onwudi. Salt films on optical fog monitors. *Instrument Notes* 19 (2021) "
                "55–60."),
    ("ref", "", "[9]~L. Pereda. Shade nets in agriculture: a survey of weaves. *Textile and Field* 27 (2007) 310–324."),
    ("ref", "", "[10]~D. Nakamura-Ruiz and E. Holm. Harps for fog: drainage of parallel wires. *Surface Flows* 8 (2021) "
                "12–29."),
    ("ref", "", "[11]~M. Ferrante. Stacked screens and the load on their posts. *Annals of Arid Hydrology* 19 (2018) "
                "88–97."),
    ("ha", "A", "Instruments"),
    ("first", "appendix-a", (
        "Table~A1 lists the instruments. All were read every ten seconds and averaged as stated in the last column. "
        "The clocks of the loggers were compared with a radio signal at every visit and never differed by more than "
        "four seconds. The correction of the fog monitor for salt follows [8]: the loss of transmission of the clean "
        "windows is recorded after each cleaning, and a straight line is drawn between cleanings.")),
    ("ha", "B", "Fitted Parameters"),
    ("first", "appendix-b", (
        "Table~B1 gives the parameters of the complete model. The effective droplet diameter "
        "was fitted jointly for all meshes and is 11.4~±~0.6~μm. The critical speed is that of the lowest band; "
        "those of the other bands follow from it in proportion to the square root of the distance from the foot. The "
        "exponent *p* hardly differs between meshes, and a common value of 3.2 would raise the error of the model by less "
        "than 1%.")),
    ("ha", "C", "Sewing a Three-Band Screen"),
    ("first", "appendix-c", (
        "The following has proved itself in three workshops with caretakers. Cut three lengths of mesh of 4.20~m, one of "
        "each density, and mark the middle of every edge. Lay the dense band on the floor with its lower edge towards "
        "you and the medium band above it, so that they overlap by 15~mm. Trim the upper layer of the overlap at 30° and "
        "pin it every 10~cm, starting from the middle. Sew two lines, 5~mm from each edge of the overlap, with tape of "
        "the same width as that of the mesh; polyester thread cuts the tape and must not be used. Join the open band in "
        "the same way.")),
    ("p", "appendix-c-test", (
        "Before hanging, pour a cup of water along each seam while two people hold the screen upright. The water has to "
        "cross the seam without running sideways for more than a hand’s width. If it does not, the overlap has been "
        "trimmed too steeply. Add the third line of stitching of Section~6.4 to the lower seam only. Hem the four edges "
        "over a rope of 8~mm and tension the screen from the corners towards the middle until it gives way by no more "
        "than 5~cm when pressed with the flat hand.")),
)  # fmt: skip

# Data of the figures

MONTHS = ("May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb", "Mar", "Apr")
YIELD = {
    "R35": (2.1, 3.0, 4.2, 4.6, 4.0, 2.9, 1.8, 1.2, 0.9, 1.0, 1.4, 1.8),
    "U60": (2.4, 3.5, 4.8, 5.2, 4.6, 3.3, 2.1, 1.4, 1.0, 1.1, 1.6, 2.0),
    "G3": (2.9, 4.2, 5.9, 6.4, 5.6, 4.0, 2.5, 1.6, 1.2, 1.3, 1.9, 2.5),
    "G5": (3.1, 4.5, 6.4, 6.9, 6.0, 4.3, 2.6, 1.7, 1.2, 1.4, 2.0, 2.7),
}
EFFICIENCY = {  # percent, at wind speeds of 1 to 10 m/s
    "R35": (6.0, 12.0, 17.0, 20.0, 19.0, 17.0, 15.0, 13.0, 11.0, 10.0),
    "U60": (5.0, 12.0, 19.0, 23.0, 24.0, 22.0, 19.0, 16.0, 13.0, 11.0),
    "G3": (7.0, 14.0, 21.0, 26.0, 28.0, 27.5, 25.0, 22.5, 20.0, 18.0),
    "G5": (7.0, 15.0, 22.0, 28.0, 31.0, 30.0, 28.0, 25.0, 22.0, 20.0),
}
LOSSES = {  # percent of the water on a band that leaves to the lee, from the top band down
    "U60": (2.0, 4.0, 7.0, 13.0, 21.0),
    "G5": (3.0, 4.0, 5.0, 6.0, 8.0),
}
HOURLY = (  # L per square metre and hour, G5, August
    0.40, 0.45, 0.47, 0.49, 0.51, 0.52, 0.49, 0.42, 0.32, 0.22, 0.14, 0.08,
    0.05, 0.04, 0.05, 0.08, 0.15, 0.17, 0.23, 0.27, 0.30, 0.33, 0.36, 0.36,
)  # fmt: skip

# Captions and tables

CAPTIONS = {
    "Figure 1": "Collector with a five-band mesh. The shade coefficient rises from the top band to the bottom band; "
                "water drains into the gutter and from there to the tank.",
    "Figure 2": "Map of the ridge with the four collectors, the mast and the tank. Contours are 10~m apart; the fog "
                "comes from the south-west.",
    "Figure 3": "Mean daily yield of the four collectors in each month from May 2022 to April 2023.",
    "Figure 4": "Collection efficiency against wind speed, means of classes 1~m~s^{−1} wide.",
    "Figure 5": "Predicted and measured daily yield of the five-band mesh on days not used for fitting. The line marks "
                "perfect agreement.",
    "Figure 6": "Mean daily course of the yield in August 2022 for the five-band mesh and the Raschel net.",
    "Figure 7": "Share of the water on each fifth of the height that was blown off to the lee in August 2022.",
    "Table 1": "Geometry of the collectors. Shade coefficients are given from the top band to the bottom band.",
    "Table 2": "Yield over the year, in L~m^{−2}~d^{−1}, and gain over the Raschel net R35.",
    "Table 3": "Errors of three models on days not used for fitting. RMSE and bias are in L~m^{−2}~d^{−1}.",
    "Table 4": "Cost of one collector of 12~m^{2}, in euros, and cost per litre of mean daily yield.",
    "Table A1": "Instruments of the field experiment.",
    "Table B1": "Parameters of the complete model, with standard errors.",
}  # fmt: skip

TABLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "Table 1": (
        ("Collector", "Bands", "Shade coefficient", "Fibre width (mm)", "Mass (g~m^{−2})"),
        ("R35, Raschel", "1", "0.35", "1.20", "58"),
        ("U60, uniform", "1", "0.60", "0.80", "84"),
        ("G3, graded", "3", "0.40, 0.55, 0.70", "0.80", "79"),
        ("G5, graded", "5", "0.38, 0.46, 0.54, 0.62, 0.70", "0.80", "81"),
    ),
    "Table 2": (
        ("Collector", "Mean", "Highest month", "Lowest month", "Gain (%)"),
        ("R35", "2.41", "4.6 (Aug)", "0.9 (Jan)", "–"),
        ("U60", "2.75", "5.2 (Aug)", "1.0 (Jan)", "14"),
        ("G3", "3.33", "6.4 (Aug)", "1.2 (Jan)", "38"),
        ("G5", "3.57", "6.9 (Aug)", "1.2 (Jan)", "48"),
    ),
    "Table 3": (
        ("Model", "Parameters", "RMSE", "Bias", "R^{2}"),
        ("Constant efficiency", "1", "0.92", "+0.21", "0.71"),
        ("Impaction only", "2", "0.61", "+0.14", "0.84"),
        ("Impaction and retention", "4", "0.38", "−0.03", "0.93"),
    ),
    "Table 4": (
        ("Item", "R35", "U60", "G3", "G5"),
        ("Frame, ropes and anchors", "310", "310", "310", "310"),
        ("Mesh", "38", "66", "92", "118"),
        ("Gutter, pipe and tank share", "74", "74", "74", "74"),
        ("Labour", "120", "120", "150", "174"),
        ("Total", "542", "570", "626", "676"),
        ("Per litre of daily yield", "18.75", "17.27", "15.65", "15.79"),
    ),
    "Table A1": (
        ("Quantity", "Instrument", "Range", "Accuracy", "Mean over"),
        ("Water yield", "Tipping-bucket gauge TB-50", "0–60 L/h", "±3%", "10 min"),
        ("Wind speed and direction", "Sonic anemometer WS-3", "0–60 m/s", "±0.05 m/s", "1 min"),
        ("Liquid water content", "Optical fog monitor OFM-2", "0–3 g~m^{−3}", "±10%", "1 min"),
        ("Air temperature", "Platinum resistance, shielded", "−30–60 °C", "±0.1 °C", "10 min"),
        ("Relative humidity", "Capacitive sensor", "0–100%", "±2%", "10 min"),
        ("Conductivity of the water", "Four-electrode cell", "1–2000 μS/cm", "±1%", "1 day"),
    ),
    "Table B1": (
        ("Mesh", "*C*_{0}/*C*_{d} at *s* = 0.5", "*u*_{c} (m/s)", "*p*"),
        ("R35", "1.9 ± 0.2", "6.8 ± 0.3", "3.1 ± 0.2"),
        ("U60", "2.6 ± 0.2", "7.1 ± 0.3", "3.4 ± 0.3"),
        ("G3", "2.1 ± 0.2", "9.6 ± 0.4", "3.2 ± 0.2"),
        ("G5", "2.0 ± 0.1", "10.2 ± 0.4", "3.2 ± 0.2"),
    ),
}
